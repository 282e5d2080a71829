/**
 * One word for a whole pool, and why. In: what engines told and what the books say. Out: OK, DEGRADED or DOWN, with reasons, the worst
 * first; each names its runbook (docs/runbooks/NAME.md). Pure. The console, `sluice status` and /readyz have it from here, so they
 * cannot disagree.
 *
 *   DOWN       miners cannot earn: no work for them, or no place for their shares
 *   DEGRADED   they earn, and somebody should look
 */
import type { EngineReport } from './engine-report.ts';
import type { NodeView, PoolSnapshot } from './pool-snapshot.ts';

export const VERDICT_STATES = ['OK', 'DEGRADED', 'DOWN'] as const;
export type VerdictState = (typeof VERDICT_STATES)[number];

/** Every reason there is, with the runbook that says what to do. */
export const REASONS = {
  engine_silent: { makes: 'DOWN', runbook: 'engine-down' },
  no_synced_node: { makes: 'DOWN', runbook: 'no-synced-node' },
  no_template: { makes: 'DOWN', runbook: 'no-template' },
  journal_failed: { makes: 'DOWN', runbook: 'journal-failed' },
  node_away: { makes: 'DEGRADED', runbook: 'node-away' },
  journal_full: { makes: 'DEGRADED', runbook: 'journal-slow' },
  database_away: { makes: 'DEGRADED', runbook: 'database-away' },
  loader_behind: { makes: 'DEGRADED', runbook: 'loader-behind' },
  loop_late: { makes: 'DEGRADED', runbook: 'event-loop-late' },
  threads_busy: { makes: 'DEGRADED', runbook: 'validation-full' },
  files_short: { makes: 'DEGRADED', runbook: 'open-files' },
  books_unread: { makes: 'DEGRADED', runbook: 'database-away' },
  payouts_halted: { makes: 'DEGRADED', runbook: 'payouts-halted' },
  payer_away: { makes: 'DEGRADED', runbook: 'payer-away' },
  payer_faults: { makes: 'DEGRADED', runbook: 'payer-faults' },
  ledger_violated: { makes: 'DEGRADED', runbook: 'ledger-violated' },
} as const satisfies Record<string, { readonly makes: VerdictState; readonly runbook: string }>;
export type ReasonCode = keyof typeof REASONS;

export interface Reason {
  readonly code: ReasonCode;
  readonly makes: VerdictState;
  /** One sentence for a person. */
  readonly text: string;
  readonly runbook: string;
}

export interface Verdict {
  readonly state: VerdictState;
  readonly reasons: readonly Reason[];
}

/** What the verdict needs of the books. */
export interface BooksGlance {
  /** Why they could not be read; '' = they were. */
  readonly fault: string;
  readonly halts: readonly { readonly code: string; readonly reason: string }[];
  /** Somebody has ever been payer of this database: then somebody should be. */
  readonly payerKnown: boolean;
  readonly payerLeads: boolean;
  readonly payerToldSecondsAgo: number;
  readonly payerFaults: readonly string[];
  readonly violations: number;
}

export interface Told {
  readonly report: EngineReport;
  /** Since it was told. */
  readonly ageMs: number;
}

/** An engine tells once a second; after this it is believed to be gone. */
export const SILENT_AFTER_MS = 5_000;
/** Settlements wait for loaded minutes: half a minute of lag is seen by nobody, more of it delays money. */
const LAG_SECONDS_MAX = 30;
/** Submissions are held back at 0.75 of the ring (`journalRingHighWater`); half is a disk that does not follow. */
const JOURNAL_FILL_MAX = 0.5;
/** A miner notices an answer that is a tenth of a second late. */
const LOOP_P99_MS_MAX = 100;
const THREAD_UTILISATION_MAX = 0.95;
const FILES_RATIO_MAX = 0.8;
/** A payer tells every two seconds, an audit of a large ledger may be before it. */
const PAYER_SILENT_AFTER_S = 60;

/** Without these no miner can earn: the same three make /readyz red. */
export function unreadiness(
  nodes: readonly NodeView[],
  templatesStalled: boolean,
  journal: Pick<PoolSnapshot['journal'], 'state' | 'fault'>,
): Reason[] {
  const reasons: Reason[] = [];
  if (!nodes.some((node) => node.connected && node.synced))
    reasons.push(reason('no_synced_node', 'no synced node'));
  else if (templatesStalled) reasons.push(reason('no_template', 'no template from any node'));
  if (journal.state === 'failed') reasons.push(reason('journal_failed', `journal: ${journal.fault}`));
  return reasons;
}

/** @param books undefined = nobody asked for them */
export function verdictOf(engines: readonly Told[], books: BooksGlance | undefined): Verdict {
  const several = engines.length > 1;
  const ofEngines = engines.flatMap((told) => {
    const reasons = engineReasons(told);
    return several
      ? reasons.map((one) => ({ ...one, text: `${told.report.instance}: ${one.text}` }))
      : reasons;
  });
  const none = engines.length === 0 ? [reason('engine_silent', 'no engine has told anything')] : [];
  // While one of several still works, the pool is not down.
  const working = engines.some((told) => engineReasons(told).every(({ makes }) => makes !== 'DOWN'));
  const reasons = [...none, ...ofEngines, ...(books ? bookReasons(books) : [])]
    .map((one) => (several && working ? { ...one, makes: 'DEGRADED' as const } : one))
    .toSorted((a, b) => VERDICT_STATES.indexOf(b.makes) - VERDICT_STATES.indexOf(a.makes));
  return { state: reasons[0]?.makes ?? 'OK', reasons };
}

function reason(code: ReasonCode, text: string): Reason {
  return { code, text, ...REASONS[code] };
}

function engineReasons({ report, ageMs }: Told): Reason[] {
  if (ageMs > SILENT_AFTER_MS)
    return [reason('engine_silent', `the engine has said nothing for ${Math.round(ageMs / 1000)} s`)];
  const { snapshot, inside } = report;
  const { nodes, journal, database } = snapshot;
  const reasons = unreadiness(nodes, inside.templates.stalled, journal);
  const push = (code: ReasonCode, text: string): void => void reasons.push(reason(code, text));
  if (nodes.some((node) => node.connected && node.synced))
    for (const node of nodes)
      if (!node.connected || !node.synced)
        push(
          'node_away',
          `node ${node.name}: ${node.connected ? 'not synced' : node.fault || 'not connected'}`,
        );
  if (inside.journalFillRatio > JOURNAL_FILL_MAX)
    push(
      'journal_full',
      `the journal's ring is ${percent(inside.journalFillRatio)} full: the disk does not follow`,
    );
  if (database.fault !== '') push('database_away', `database: ${database.fault}; shares wait in the journal`);
  else if (database.lagSeconds > LAG_SECONDS_MAX)
    push(
      'loader_behind',
      `the loader is ${Math.round(database.lagSeconds)} s behind (${database.lagRecords} records)`,
    );
  if (inside.loop.delayP99Ms > LOOP_P99_MS_MAX)
    push('loop_late', `the main thread is ${Math.round(inside.loop.delayP99Ms)} ms late at p99`);
  for (const { name, utilisation } of inside.threads)
    if (utilisation > THREAD_UTILISATION_MAX) push('threads_busy', `${name} is ${percent(utilisation)} busy`);
  const { openFiles, openFilesMax } = inside.process;
  if (openFilesMax > 0 && openFiles > FILES_RATIO_MAX * openFilesMax)
    push('files_short', `${openFiles} of ${openFilesMax} files are open`);
  return reasons;
}

function bookReasons(books: BooksGlance): Reason[] {
  if (books.fault !== '') return [reason('books_unread', `the books cannot be read: ${books.fault}`)];
  const reasons = books.halts.map(({ code, reason: why }) =>
    reason('payouts_halted', `payouts are halted: ${code}: ${why}`),
  );
  if (books.violations > 0)
    reasons.push(
      reason('ledger_violated', `the auditor has found ${books.violations} broken laws of the ledger`),
    );
  if (books.payerKnown && !books.payerLeads)
    reasons.push(reason('payer_away', 'no payer runs: rewards are not divided, nobody is paid'));
  else if (books.payerLeads && books.payerToldSecondsAgo > PAYER_SILENT_AFTER_S)
    reasons.push(reason('payer_away', `the payer has said nothing for ${books.payerToldSecondsAgo} s`));
  else for (const fault of books.payerFaults) reasons.push(reason('payer_faults', `payer: ${fault}`));
  return reasons;
}

function percent(ratio: number): string {
  return `${Math.round(100 * ratio)} %`;
}
