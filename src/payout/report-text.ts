/** What payouts say of themselves, for people: one line each. Pure. */
import { kasOf } from '../domain/money.ts';
import { SKIP_TEXTS, type Skip } from './payees.ts';
import type { Report } from './payout-machine.ts';
import { type Plan, paidSompi } from './plan.ts';
import { type Round, roundTotals } from './planner.ts';

/** Rows of a list; the rest is a number. */
const SHOWN_MAX = 40;

export function reportText(report: Report): string {
  if (report.waits !== '') return `nothing planned: ${report.waits}`;
  if (report.halts.length > 0) return `halted: ${report.halts.map(({ code }) => code).join(', ')}`;
  if (!report.round) return 'not due';
  const { reservedSompi, feeSompi } = roundTotals(report.round);
  const skipped = report.round.skipped.length;
  return (
    `${report.planned.length} transactions, ${kasOf(reservedSompi)} KAS to ${payeeCount(report.round)} accounts, ` +
    `fees ${kasOf(feeSompi)} KAS${skipped > 0 ? `; ${skipped} left out` : ''}`
  );
}

export function roundText(round: Round): string {
  const { reservedSompi, feeSompi } = roundTotals(round);
  const payments = round.plans.filter((plan) => plan.kind === 'payment');
  const joins = round.plans.length - payments.length;
  const lines = [
    `${payeeCount(round)} accounts would be paid ${kasOf(reservedSompi)} KAS in ${payments.length} transactions (the limits allow no fewer than ${round.transactionsAtLeast})`,
    `fee ${kasOf(feeSompi)} KAS at ${round.feerate} sompi/gram; ${joins} consolidations; ${round.belowThreshold} accounts are below their threshold`,
    `treasury: ${round.coins.spendable.length} outputs can be spent, ${round.coins.immature} are immature, ${round.coins.missing.length} are missing on the chain`,
    ...round.plans.map(planLine),
    ...(round.consolidationWaits === '' ? [] : [`no consolidation: ${round.consolidationWaits}`]),
    ...listOf(
      payments
        .flatMap(({ payees }) => payees)
        .map(
          (payee) =>
            `  ${kasOf(payee.outputSompi).padStart(20)}  fee ${kasOf(payee.feeSompi)}  ${payee.address}`,
        ),
    ),
  ];
  if (round.skipped.length > 0) lines.push('left out:', ...listOf(round.skipped.map(skipLine)));
  return `${lines.join('\n')}\n`;
}

function payeeCount({ plans }: Round): number {
  return plans.reduce((count, plan) => count + plan.payees.length, 0);
}

function planLine(plan: Plan, place: number): string {
  return (
    `  ${place + 1}. ${plan.kind}: ${plan.inputs.length} inputs, ${plan.payees.length} payees, ` +
    `${kasOf(paidSompi(plan))} KAS, change ${kasOf(plan.changeSompi)}, fee ${kasOf(plan.feeSompi)}, mass ${plan.massGrams} grams`
  );
}

function skipLine({ address, balanceSompi, reason }: Skip): string {
  return `  ${kasOf(balanceSompi).padStart(20)}  ${address}: ${SKIP_TEXTS[reason]}`;
}

function listOf(lines: readonly string[]): readonly string[] {
  const more = lines.length - SHOWN_MAX;
  return more > 0 ? [...lines.slice(0, SHOWN_MAX), `  ... and ${more} more: --json has all`] : lines;
}
