/**
 * What a payer does while it leads: an array of duties, each with its pace. In flows what they need, out flow duties. A duty is
 * one job that can fail by itself; the loop runs them one at a time, since they share the lead's connection.
 */
import type { NodeLink } from '../chains/kaspa/node-link.ts';
import type { Logger } from '../kit/log.ts';
import type { Lead } from '../ledger/lead.ts';
import { LedgerHeadNote } from '../payout/ledger-head.ts';
import { PayoutMachine, type Report } from '../payout/payout-machine.ts';
import { RequestDesk } from '../payout/payout-requests.ts';
import { reportText } from '../payout/report-text.ts';
import { PostgresPayoutStore } from '../payout/stores/postgres-payout-store.ts';
import type { Duty } from './payer-loop.ts';
import type { PayerMetrics } from './payer-metrics.ts';
import type { PayerParts } from './payer-parts.ts';

export interface DutyContext extends PayerParts {
  readonly lead: Lead;
  readonly log: Logger;
  readonly links: readonly NodeLink[];
  readonly metrics: PayerMetrics;
  /** Kept for the status, over leads. */
  readonly told: { payouts: Report | undefined };
}

/** A halt stops what would be sent next within this. */
const PAYOUT_EVERY_MS = 1_000;

/** In the order in which they run when several are due: rewards come in before they are paid out. */
export function dutiesOf(context: DutyContext): readonly Duty[] {
  return [payoutDuty(context), noteDuty(context)];
}

function payoutDuty({ lead, chain, signer, terms, log, told, metrics }: DutyContext): Duty {
  const store = new PostgresPayoutStore(lead);
  const machine = new PayoutMachine({ store, chain, signer, terms, clock: Date.now, log });
  const desk = new RequestDesk(store, () => lead.sql);
  return {
    name: 'payouts',
    everyMs: PAYOUT_EVERY_MS,
    tick: async () => {
      const rounds = await desk.takeUp();
      const report = await machine.tick(rounds.length > 0);
      metrics.observe(report);
      if (report.round || report.waits !== '' || !told.payouts) told.payouts = report;
      else told.payouts = { ...report, round: told.payouts.round, planned: told.payouts.planned };
      await desk.answer(rounds, reportText(report));
    },
  };
}

/** After the others, so that what they posted is in it. */
function noteDuty({ lead, config }: DutyContext): Duty {
  const { stateDirectory } = config.payouts;
  const note = stateDirectory === undefined ? undefined : new LedgerHeadNote(stateDirectory);
  return { name: 'ledger-note', everyMs: 1_000, tick: async () => note?.write(lead.sql) };
}
