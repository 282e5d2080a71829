/**
 * SEAM: what the operator's listener asks and orders. Behind it stand, in `app/`, the engine's reports, the database and the files of
 * the operator. Nothing here may wait for long: what is away is answered with what was known last, and says so.
 */
import type { z } from 'zod';
import type { ActionAnswer, actions, OperatorStatus } from './status-schema.ts';

type Given<Name extends keyof typeof actions> = z.infer<(typeof actions)[Name]>;

export interface OperatorDesk {
  status(): Promise<OperatorStatus>;
  haltPayouts(given: Given<'halt-payouts'>, who: string): Promise<ActionAnswer>;
  resumePayouts(who: string): Promise<ActionAnswer>;
  runPayout(who: string): Promise<ActionAnswer>;
  ban(given: Given<'ban'>): Promise<ActionAnswer>;
  unban(given: Given<'unban'>): Promise<ActionAnswer>;
  reload(given: Given<'reload'>): Promise<ActionAnswer>;
  /** Every order and what came of it, also those that were refused. */
  note(who: string, what: string, outcome: string): void;
}
