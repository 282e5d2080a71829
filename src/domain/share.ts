/**
 * The verdict table: what can become of a submission. Every room reads it; nobody else decides.
 *
 * Codes are never renumbered. Wire codes are Stratum's 20..25; nothing else may go out, since one miner family cannot parse
 * any other number, and treats 20, 24 and 25 as fatal: an ordinary bad share must never be answered with 20. A nonce under
 * another extranonce is ordinary, too: results that a miner found just before it reconnected look like that.
 */

export type VerdictClass = 'malformed' | 'refused' | 'accepted' | 'block';
/** When the submitter's account is credited. `after-confirmation` is Chia's: a partial counts once it is known to be on chain. */
export type Credited = 'now' | 'after-confirmation' | 'never';

export interface VerdictRow {
  readonly code: number;
  readonly name: string;
  /** 0 = answered `true`. */
  readonly wireCode: 0 | 20 | 21 | 22 | 23 | 24 | 25;
  readonly wireText: string;
  readonly class: VerdictClass;
  readonly credited: Credited;
  /** Points against the submitter; limits add them up. Stale work is nobody's fault. */
  readonly score: number;
  /** Would the same submission succeed if sent again? */
  readonly transient: boolean;
  /** Value of the `verdict` label. */
  readonly metricLabel: string;
}

/** Codes 0..2 are what a kernel writes into a record; the rest are decided on the main thread. */
export const Verdict = {
  LowDifficulty: 0,
  Share: 1,
  Block: 2,
  Malformed: 3,
  UnknownJob: 4,
  StaleJob: 5,
  Duplicate: 6,
  Unauthorized: 7,
  ForeignExtranonce: 8,
  Unavailable: 9,
  Overloaded: 10,
  EngineFault: 11,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Written by a kernel when the record's template is not the one it holds; never leaves the validation room. */
export const VERDICT_UNPREPARED = 255;

const row = (
  code: number,
  name: string,
  wireCode: VerdictRow['wireCode'],
  wireText: string,
  verdictClass: VerdictClass,
  credited: Credited,
  score: number,
  transient: boolean,
): VerdictRow => ({
  code,
  name,
  wireCode,
  wireText,
  class: verdictClass,
  credited,
  score,
  transient,
  metricLabel: name,
});

export const VERDICTS: readonly VerdictRow[] = [
  row(0, 'low_difficulty', 23, 'Invalid difficulty', 'refused', 'never', 1, false),
  row(1, 'share', 0, '', 'accepted', 'now', -1, false),
  row(2, 'block', 0, '', 'block', 'now', -1, false),
  row(3, 'malformed', 20, 'Malformed submission', 'malformed', 'never', 3, false),
  row(4, 'unknown_job', 21, 'Job not found', 'refused', 'never', 0, false),
  row(5, 'stale_job', 21, 'Job expired', 'refused', 'never', 0, false),
  row(6, 'duplicate', 22, 'Duplicate share submitted', 'refused', 'never', 1, false),
  row(7, 'unauthorized', 24, 'Unauthorized worker', 'refused', 'never', 1, true),
  row(8, 'foreign_extranonce', 21, 'Nonce outside the assigned extranonce', 'refused', 'never', 1, false),
  row(9, 'unavailable', 20, 'Share storage is unavailable, share not counted', 'refused', 'never', 0, true),
  row(
    10,
    'overloaded',
    20,
    'Too many submissions for this job, share not counted',
    'refused',
    'never',
    1,
    true,
  ),
  row(11, 'engine_fault', 20, 'Share could not be judged, please report this', 'refused', 'never', 0, true),
];

/** True where the answer is `true` and the journal must hold the share first. */
export function isAccepted(verdict: number): boolean {
  return verdict === Verdict.Share || verdict === Verdict.Block;
}
