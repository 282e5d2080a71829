/**
 * The demo's account of itself, from sources that do not know of each other: what the miners were answered, what lies in the
 * journal's files, what stands in PostgreSQL, what the node says it merged.
 */
import { writeFileSync } from 'node:fs';
import type { PoolSnapshot } from '../api/snapshot.ts';
import { inspectJournal } from '../journal/inspect.ts';
import { countSharesSince } from '../ledger/share-counts.ts';
import { openDatabase } from '../ledger/stores/postgres.ts';
import type { MinerSummary } from '../miner/miner.ts';
import type { SimnodeStatus } from '../simnode/simnode.ts';
import { DEMO_INSTANCE, type DemoFolders } from './demo-plan.ts';

export interface DemoSummary {
  readonly seconds: number;
  readonly shares: {
    /** By the miners. */
    readonly sent: number;
    readonly answeredTrue: number;
    readonly rejectedByCode: Readonly<Record<string, number>>;
    readonly unanswered: number;
    /** In the journal's files, of this run. */
    readonly journalled: number;
    /** Rows in PostgreSQL, of this run. */
    readonly stored: number;
  };
  readonly blocks: {
    readonly found: number;
    readonly submitted: number;
    readonly accepted: number;
    readonly blue: number;
    readonly red: number;
  };
  /** answeredTrue = journalled = stored. */
  readonly equal: boolean;
}

export interface DemoSources {
  readonly folders: DemoFolders;
  readonly databaseUrl: string;
  readonly bootUnixMs: number;
  readonly miner: unknown;
  readonly simnode: unknown;
  readonly engine: unknown;
  readonly seconds: number;
}

export async function countDemo(sources: DemoSources): Promise<DemoSummary> {
  const miner = sources.miner as MinerSummary | undefined;
  const simnode = sources.simnode as SimnodeStatus | undefined;
  const engine = sources.engine as PoolSnapshot | undefined;
  const inspection = await inspectJournal(sources.folders.journal);
  const segments = inspection.segments.filter((segment) => segment.bootUnixMs === sources.bootUnixMs);
  const journalled = segments.reduce((sum, segment) => sum + segment.shares, 0);
  const sql = openDatabase(sources.databaseUrl, { max: 1, applicationName: 'sluice demo' });
  const firstSegment = segments[0]?.segment ?? Number.MAX_SAFE_INTEGER;
  const stored = await countSharesSince(sql, DEMO_INSTANCE, firstSegment).finally(() => sql.end());
  const answeredTrue = miner?.accepted ?? 0;
  return {
    seconds: Math.round(sources.seconds * 10) / 10,
    shares: {
      sent: miner?.sent ?? 0,
      answeredTrue,
      rejectedByCode: miner?.rejectedByCode ?? {},
      unanswered: miner?.unanswered ?? 0,
      journalled,
      stored,
    },
    blocks: {
      found: engine?.blocks.found ?? 0,
      submitted: simnode?.blocksSubmitted ?? 0,
      accepted: simnode?.blocksAccepted ?? 0,
      blue: simnode?.blue ?? 0,
      red: simnode?.red ?? 0,
    },
    equal: answeredTrue === journalled && journalled === stored,
  };
}

export function writeSummary(file: string, summary: DemoSummary): void {
  writeFileSync(file, `${JSON.stringify(summary, null, 2)}\n`);
}

export function summaryText(summary: DemoSummary, failed: string): string {
  const { shares, blocks } = summary;
  const rejected = Object.entries(shares.rejectedByCode)
    .map(([code, count]) => `${count} with ${code}`)
    .join(', ');
  return [
    '',
    `  shares    ${shares.sent} sent, ${shares.answeredTrue} answered true, rejected: ${rejected || 'none'}`,
    `            ${shares.journalled} in the journal, ${shares.stored} in PostgreSQL: ${summary.equal ? 'equal' : 'NOT EQUAL'}`,
    `  blocks    ${blocks.found} found, ${blocks.submitted} submitted, ${blocks.accepted} accepted, ${blocks.blue} blue, ${blocks.red} red`,
    failed === '' ? '' : `\n  ${failed}; see the folder logs`,
  ].join('\n');
}
