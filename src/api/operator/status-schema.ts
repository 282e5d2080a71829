/**
 * Everything that the operator's console shows, as one JSON document: GET /operator/status.json. The page and `sluice status` draw this
 * and nothing else. Amounts are decimal strings of sompi, moments ISO 8601 UTC. Agents, addresses, worker names and first lines are
 * strangers' bytes: data, never markup.
 */
import { z } from 'zod';
import type { EngineInside } from '../../live/engine-report.ts';
import type { PoolSnapshot } from '../../live/pool-snapshot.ts';
import { REASONS, type ReasonCode, VERDICT_STATES } from '../../live/verdict.ts';
import { count, moment, sompi } from '../schemas/field.ts';

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

export const verdict = z.object({
  state: z.enum(VERDICT_STATES),
  reasons: z.array(
    z.object({
      code: z.enum(Object.keys(REASONS) as [ReasonCode, ...ReasonCode[]]),
      makes: z.enum(VERDICT_STATES),
      text: z.string(),
      runbook: z.string().describe('docs/runbooks/NAME.md'),
    }),
  ),
});

const payoutRow = z.object({
  id: z.string(),
  kind: z.string(),
  state: z.string(),
  txid: z.string(),
  payees: count,
  paidSompi: sompi,
  feeSompi: sompi,
  plannedAt: z.string(),
});

/** Of the database; kept from the last time that it answered. */
export const books = z.object({
  fault: z.string().describe('Why they could not be read; empty: they were'),
  readAt: moment.nullable(),
  halts: z.array(z.object({ code: z.string(), reason: z.string(), raised: z.string() })),
  payer: z.object({
    leader: z.string().describe('Empty: nobody ever was'),
    leads: z.boolean(),
    toldSecondsAgo: count,
    pays: z.boolean(),
    lastRound: z.string(),
    faults: z.array(z.string()),
  }),
  live: z.array(payoutRow),
  last: z.array(payoutRow),
  totals: z.object({
    owedSompi: sompi,
    owedAccounts: count,
    inFlightSompi: sompi,
    paidSompi: sompi,
    rewardsSompi: sompi,
    unsettledSompi: sompi,
    poolFeeSompi: sompi,
  }),
  violations: count,
  reds: z.object({
    days: count,
    merged: count,
    red: count,
    byCause: z.record(z.string(), count),
    blocks: z.array(z.object({ hash: z.string(), foundAt: z.string(), explanation: z.string() })),
  }),
});

export const configEntry = z.object({
  key: z.string(),
  value: z.string(),
  source: z.string().describe('FILE:LINE, default, or edge'),
  effect: z.enum(['applied', 'payer', 'restart']).describe('What a change of it takes'),
});

export const configChange = z.object({
  key: z.string(),
  before: z.string(),
  after: z.string(),
  effect: configEntry.shape.effect,
  remark: z.string(),
});

export const operatorStatus = z.object({
  at: moment,
  verdict,
  service: z.object({
    version: z.string(),
    network: z.string(),
    role: z.enum(['engine', 'api']),
    pid: count,
    startedAt: moment,
  }),
  engines: z.array(
    z.object({
      instance: z.string(),
      pid: count,
      ageSeconds: z.number(),
      snapshot: z.custom<PoolSnapshot>(isObject).describe('As src/live/pool-snapshot.ts has it'),
      inside: z.custom<EngineInside>(isObject).describe('As src/live/engine-report.ts has it'),
    }),
  ),
  books: books.nullable().describe('null: there is no database to ask'),
  configuration: z.object({
    file: z.string(),
    sha256: z.string(),
    readAt: moment,
    entries: z.array(configEntry),
  }),
  actions: z
    .array(z.object({ at: moment, who: z.string(), what: z.string(), outcome: z.string() }))
    .describe('What was done from here, newest last; the log has all of it'),
});

export type OperatorStatus = z.infer<typeof operatorStatus>;
export type OperatorBooks = z.infer<typeof books>;
export type ConfigurationView = OperatorStatus['configuration'];

export const reloadAnswer = z.object({
  /** Why the file cannot be used: then nothing was applied. */
  fault: z.string(),
  changes: z.array(configChange),
});
export type ReloadAnswer = z.infer<typeof reloadAnswer>;

/** What may be done, each by a POST to /operator/actions/NAME. */
export const actions = {
  'halt-payouts': z.strictObject({ reason: z.string().trim().min(3).max(200) }),
  'resume-payouts': z.strictObject({}),
  'run-payout': z.strictObject({}),
  ban: z.strictObject({
    network: z.string().min(2).max(60),
    reason: z.string().max(200).default(''),
    hours: z.number().positive().max(87_600).optional().describe('Absent: for ever'),
  }),
  unban: z.strictObject({ network: z.string().min(2).max(60) }),
  reload: z.strictObject({ dryRun: z.boolean().default(false) }),
} as const;
export type ActionName = keyof typeof actions;

export const actionAnswer = z.object({
  done: z.boolean(),
  /** What happened, in a sentence; for a refusal: why, and what to do. */
  outcome: z.string(),
  changes: z.array(configChange).optional(),
});
export type ActionAnswer = z.infer<typeof actionAnswer>;
