/**
 * What a payer does while it leads: an array of duties, each with its pace. In flows what they need, out flow duties. A duty is
 * one job that can fail by itself; the loop runs them one at a time, since they share the lead's connection.
 */
import type { Config } from '../../config/schema.ts';
import { decodeAddress, payToAddressScript } from '../chains/kaspa/address.ts';
import { NodeNetwork } from '../chains/kaspa/network-facts.ts';
import type { NodeLink } from '../chains/kaspa/node-link.ts';
import { goodFirst } from '../chains/kaspa/node-order.ts';
import { NodeTreasury } from '../chains/kaspa/treasury.ts';
import { sompiOf } from '../domain/money.ts';
import type { Logger } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';
import { Auditor } from '../ledger/audit/auditor.ts';
import { DatabaseSession } from '../ledger/database-session.ts';
import type { Lead } from '../ledger/lead.ts';
import { RewardIntake } from '../ledger/rewards/reward-intake.ts';
import { RewardDesk } from '../ledger/settlement/reward-desk.ts';
import type { AtPoint } from '../payout/crash-points.ts';
import { LedgerHeadNote } from '../payout/ledger-head.ts';
import { cancelPayout } from '../payout/never-sent.ts';
import { PayoutMachine, type Report } from '../payout/payout-machine.ts';
import { RequestDesk } from '../payout/payout-requests.ts';
import { reportText } from '../payout/report-text.ts';
import { PostgresPayoutStore } from '../payout/stores/postgres-payout-store.ts';
import { chainWitness } from './chain-witness.ts';
import type { Duty } from './payer-loop.ts';
import type { PayerMetrics } from './payer-metrics.ts';
import type { PayerParts } from './payer-parts.ts';

export interface DutyContext extends PayerParts {
  readonly lead: Lead;
  readonly log: Logger;
  readonly links: readonly NodeLink[];
  readonly metrics: PayerMetrics;
  /** Tests kill the process there; there is no other way to set it than to be that test's program. */
  readonly atPoint?: AtPoint | undefined;
  /** Kept over leads: for the status, and the terms of rewards as a SIGHUP last brought them. */
  readonly told: { payouts: Report | undefined; rewards?: Config['rewards'] };
}

/** A halt stops what would be sent next within this. */
const PAYOUT_EVERY_MS = 1_000;

/** An output is mature for good: nothing is lost by looking a few seconds later. */
const INTAKE_EVERY_MS = 2_000;
/** After a day without a payer there is a lot to learn; the others have their turn all the same. */
const INTAKE_MAX_MS = 60_000;
const REWARDS_EVERY_MS = 2_000;
const MS_PER_SECOND = 1_000;
const HALT_DEADLINE_MS = 10_000;

/** In the order in which they run when several are due: rewards come in before they are paid out, and are looked at before. */
export function dutiesOf(context: DutyContext): readonly Duty[] {
  const { stateDirectory } = context.config.payouts;
  const note = stateDirectory === undefined ? undefined : new LedgerHeadNote(stateDirectory);
  // Nothing is overdue before the first look: what matured while no payer ran is booked by it.
  const booked: Booked = { beforeDaa: 0n };
  const registry = context.metrics.ledgerRegistry();
  return [
    intakeDuty(context, booked),
    rewardsDuty(context, registry),
    auditDuty(context, booked, registry),
    payoutDuty(context, () => writeNote(note, context)),
    noteDuty(note, context),
  ];
}

/** Rewards of before this score are in the books; undefined: all that are mature. */
interface Booked {
  beforeDaa: bigint | undefined;
}

function intakeDuty({ lead, links, terms, config, log }: DutyContext, booked: Booked): Duty {
  const payScript = Buffer.from(payToAddressScript(decodeAddress(terms.treasuryAddress)!)).toString('hex');
  const { treasuryAddress } = terms;
  const intake = new RewardIntake({
    lead,
    treasury: new NodeTreasury(() => goodFirst(links)),
    terms: { treasuryAddress, payScript, maturityDaa: config.rewards.maturityDaa },
    clock: () => performance.now(),
    log,
  });
  return {
    name: 'rewards-in',
    everyMs: INTAKE_EVERY_MS,
    tick: async () => {
      let report = await intake.tick();
      const untilMs = performance.now() + INTAKE_MAX_MS;
      while (report.more && performance.now() < untilMs) report = await intake.tick();
      booked.beforeDaa = report.waitingFromDaa;
    },
  };
}

function rewardsDuty({ lead, links, config, log, told }: DutyContext, registry: Registry): Duty {
  const desk = new RewardDesk({
    lead,
    rewards: config.rewards,
    clock: Date.now,
    monotonicMs: () => performance.now(),
    log,
    source: new NodeNetwork(() => goodFirst(links), config.kaspa.allowUnsynced),
    registry,
  });
  let applied: Config['rewards'] | undefined;
  return {
    name: 'settlement',
    everyMs: REWARDS_EVERY_MS,
    tick: async () => {
      // A new lead must not bring back the terms of the start: that would be a change of policy that nobody asked for.
      const terms = told.rewards ?? config.rewards;
      if (terms !== applied) await desk.applyPolicies(terms);
      applied = terms;
      await desk.tick();
    },
  };
}

/**
 * A full audit takes minutes, so it runs beside the other duties and on connections of its own: a halt that went over the lead's
 * could fall into a transaction that is rolled back.
 */
function auditDuty(
  { chain, links, databaseUrl, config, log }: DutyContext,
  booked: Booked,
  registry: Registry,
): Duty {
  const auditor = new Auditor({
    databaseUrl,
    chain: chainWitness(chain, links, config.rewards.maturityDaa, () => booked.beforeDaa),
    feeCapSompi: sompiOf(config.payouts.feeKasMax),
    clock: Date.now,
    log,
    halt: (code, reason) => haltAtOnce(databaseUrl, code, reason),
    registry,
  });
  const everyMs = config.payouts.auditSeconds * MS_PER_SECOND;
  return { name: 'audit', everyMs, tick: async () => void auditor.tick() };
}

async function haltAtOnce(databaseUrl: string, code: string, reason: string): Promise<void> {
  const session = await DatabaseSession.open(databaseUrl, 'sluice auditor', HALT_DEADLINE_MS);
  try {
    await session.sql`SELECT raise_halt(${code}, ${reason}, 'auditor')`;
  } finally {
    session.discard();
  }
}

function payoutDuty(
  { lead, chain, signer, terms, log, told, metrics, atPoint }: DutyContext,
  beforeSend: () => Promise<void>,
): Duty {
  const store = new PostgresPayoutStore(lead);
  const machine = new PayoutMachine({
    ...{ store, chain, signer, terms, clock: Date.now, log, beforeSend },
    ...(atPoint && { atPoint }),
  });
  const desk = new RequestDesk((id, reason) => cancelPayout({ store, chain }, id, reason), lead);
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

/** After the others, so that what they posted is in it; and before each send, so that no older database can pay it again. */
function noteDuty(note: LedgerHeadNote | undefined, context: DutyContext): Duty {
  return { name: 'ledger-note', everyMs: 1_000, tick: () => writeNote(note, context) };
}

async function writeNote(note: LedgerHeadNote | undefined, { lead }: DutyContext): Promise<void> {
  await note?.write(lead.sql);
}
