/**
 * The demo's account of itself, from sources that do not know of each other: what the miners were answered, what lies in the
 * journal's files, what stands in PostgreSQL, what the node says it merged, what the books say of the money.
 */
import { writeFileSync } from 'node:fs';
import { kasOf } from '../domain/money.ts';
import { inspectJournal } from '../journal/inspect.ts';
import { booksBalance, type MoneyTotals, readMoneyTotals } from '../ledger/money-totals.ts';
import { countSharesSince } from '../ledger/share-counts.ts';
import { openDatabase } from '../ledger/stores/postgres.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import type { MinerSummary } from '../miner/miner.ts';
import type { SimnodeStatus } from '../simnode/simnode.ts';
import type { DemoChain } from './demo-chain.ts';
import { DEMO_INSTANCE } from './demo-plan.ts';

export interface DemoSummary {
  readonly seconds: number;
  readonly shares: {
    /** By the miners. */
    readonly sent: number;
    readonly answeredTrue: number;
    /** Answered `true` to miners that the demo did not start, by the engine's count. */
    readonly answeredOthers: number;
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
  readonly money: MoneySummary;
  /** answeredTrue + answeredOthers = journalled = stored, and the books balance. */
  readonly equal: boolean;
}

/** Amounts are decimal strings of sompi: JSON's numbers end at 2^53. */
export interface MoneySummary {
  readonly rewards: number;
  readonly rewardsSompi: string;
  readonly settledSompi: string;
  readonly unsettledSompi: string;
  readonly owedSompi: string;
  readonly inFlightSompi: string;
  readonly paidSompi: string;
  readonly poolFeeSompi: string;
  readonly donationSompi: string;
  readonly payoutFeesSompi: string;
  readonly dustSompi: string;
  readonly payoutsByState: Readonly<Record<string, number>>;
  readonly halts: readonly string[];
  readonly auditViolations: number;
  readonly balanced: boolean;
}

export interface DemoSources {
  readonly chain: DemoChain;
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
  const inspection = await inspectJournal(sources.chain.journal);
  const segments = inspection.segments.filter((segment) => segment.bootUnixMs === sources.bootUnixMs);
  const journalled = segments.reduce((sum, segment) => sum + segment.shares, 0);
  const firstSegment = segments[0]?.segment ?? Number.MAX_SAFE_INTEGER;
  const { stored, money } = await countStored(sources.chain.databaseUrl, firstSegment);
  const answeredTrue = miner?.accepted ?? 0;
  const answeredOthers = Math.max(
    0,
    (engine?.shares.accepted ?? 0) - answeredTrue - (miner?.unanswered ?? 0),
  );
  const answered = answeredTrue === journalled ? journalled : answeredTrue + answeredOthers;
  return {
    seconds: Math.round(sources.seconds * 10) / 10,
    shares: {
      sent: miner?.sent ?? 0,
      answeredTrue,
      answeredOthers: answered - answeredTrue,
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
    money,
    equal: answered === journalled && journalled === stored && money.balanced && money.auditViolations === 0,
  };
}

async function countStored(
  databaseUrl: string,
  firstSegment: number,
): Promise<{ stored: number; money: MoneySummary }> {
  const sql = openDatabase(databaseUrl, { max: 1, applicationName: 'sluice demo' });
  try {
    const stored = await countSharesSince(sql, DEMO_INSTANCE, firstSegment);
    return { stored, money: summaryOf(await readMoneyTotals(sql), await booksBalance(sql)) };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function summaryOf(totals: MoneyTotals, balanced: boolean): MoneySummary {
  return {
    rewards: totals.rewards,
    rewardsSompi: String(totals.rewardsSompi),
    settledSompi: String(totals.settledSompi),
    unsettledSompi: String(totals.unsettledSompi),
    owedSompi: String(totals.owedSompi),
    inFlightSompi: String(totals.inFlightSompi),
    paidSompi: String(totals.paidSompi),
    poolFeeSompi: String(totals.poolFeeSompi),
    donationSompi: String(totals.donationSompi),
    payoutFeesSompi: String(totals.payoutFeesSompi),
    dustSompi: String(totals.dustSompi),
    payoutsByState: totals.payoutsByState,
    halts: totals.halts,
    auditViolations: totals.auditViolations,
    balanced,
  };
}

export function writeSummary(file: string, summary: DemoSummary): void {
  writeFileSync(file, `${JSON.stringify(summary, null, 2)}\n`);
}

export function summaryText(summary: DemoSummary, failed: string): string {
  const { shares, blocks, money } = summary;
  const kas = (sompi: string): string => kasOf(BigInt(sompi));
  const payouts = Object.entries(money.payoutsByState)
    .map(([state, count]) => `${count} ${state}`)
    .join(', ');
  const rejected = Object.entries(shares.rejectedByCode)
    .map(([code, count]) => `${count} with ${code}`)
    .join(', ');
  return [
    '',
    `  shares    ${shares.sent} sent, ${shares.answeredTrue} answered true${shares.answeredOthers > 0 ? ` (and ${shares.answeredOthers} of other miners, by the engine's count)` : ''}, rejected: ${rejected || 'none'}`,
    `            ${shares.journalled} in the journal, ${shares.stored} in PostgreSQL: ${shares.answeredTrue + shares.answeredOthers === shares.journalled && shares.journalled === shares.stored ? 'equal' : 'NOT EQUAL'}`,
    `  blocks    ${blocks.found} found, ${blocks.submitted} submitted, ${blocks.accepted} accepted, ${blocks.blue} blue, ${blocks.red} red`,
    `  money     ${money.rewards} rewards matured, ${kas(money.rewardsSompi)} KAS; ${kas(money.settledSompi)} divided: owed ${kas(money.owedSompi)}, in flight ${kas(money.inFlightSompi)}, paid ${kas(money.paidSompi)}, pool ${kas(money.poolFeeSompi)}`,
    `            payouts: ${payouts || 'none'}${money.halts.length > 0 ? `, HALTED: ${money.halts.join(', ')}` : ''}; audit: ${money.auditViolations} violations; the books ${money.balanced ? 'balance' : 'DO NOT BALANCE'}`,
    failed === '' ? '' : `\n  ${failed}; see the folder logs`,
  ].join('\n');
}
