/**
 * A settlement as a file that anyone can recompute: outputs, terms, minutes of the window, and every account's work and amounts. In
 * flows such a file, out flow the places where it does not follow from itself; none = equal. Pure, no database: who doubts the pool
 * needs nothing of it.
 */
import { z } from 'zod';
import { SCHEME_NAMES } from '../../../config/schema.ts';
import { targetOfBits, workOfTarget } from '../../domain/target.ts';
import { SCHEMES } from '../schemes/all-schemes.ts';
import { feeBasisPointsOf } from '../schemes/divide.ts';
import {
  type Divided,
  type DividedPart,
  type DivisionAccount,
  MS_PER_MINUTE,
  type PolicyInForce,
  type Span,
} from '../schemes/scheme.ts';
import { readTerms } from '../schemes/terms.ts';

export const DOCUMENT_FORMAT = 'sluice-settlement-1';

const integer = z
  .string()
  .regex(/^\d{1,80}$/)
  .transform(BigInt);
const moment = z.iso.datetime().transform((text) => Date.parse(text));

const documentSchema = z.object({
  format: z.literal(DOCUMENT_FORMAT),
  settlement: z.object({
    id: integer,
    pot: z.number().int(),
    scheme: z.enum(SCHEME_NAMES),
    round: integer,
    windowFrom: moment,
    windowTo: moment,
    /** Where the pot's window before ended: PROP begins there. */
    previousWindowTo: moment.nullable(),
    networkBits: z.number().int().nullable(),
    windowWork: integer,
    rewardSompi: integer,
    dustInSompi: integer,
    creditSompi: integer,
    feeSompi: integer,
    donationSompi: integer,
    reserveSompi: integer,
    dustOutSompi: integer,
    lateInstances: z.array(z.string()),
    transactionId: integer,
  }),
  policy: z.object({
    id: integer,
    effectiveFrom: moment.nullable(),
    effectiveTo: moment.nullable(),
    terms: z.unknown(),
  }),
  outputs: z.array(
    z.object({
      outpoint: z.string(),
      amountSompi: integer,
      blockHash: z.string(),
      foundAt: moment,
      finderAccountId: integer,
    }),
  ),
  minutes: z.array(z.object({ minute: moment, work: integer })),
  accounts: z.array(
    z.object({
      accountId: integer,
      address: z.string(),
      work: integer,
      grossSompi: integer,
      bonusSompi: integer,
      feeBasisPoints: z.number().int(),
      feeSompi: integer,
      donationBasisPoints: z.number().int(),
      donationSompi: integer,
      creditSompi: integer,
    }),
  ),
});

export type SettlementDocument = z.infer<typeof documentSchema>;

/** What `sluice rewards show --json` writes: integers as strings, moments as ISO 8601. */
export type SettlementDocumentJson = z.input<typeof documentSchema>;

/** @throws ZodError */
export function readDocument(json: unknown): SettlementDocument {
  return documentSchema.parse(json);
}

export interface Verification {
  readonly differences: readonly string[];
  /** Accounts whose fee is neither the scheme's nor a tier's: the operator gave them one of their own. */
  readonly ownFees: number;
}

export function verifyDocument(document: SettlementDocument): Verification {
  const { settlement } = document;
  const policy: PolicyInForce = {
    id: document.policy.id,
    terms: readTerms(document.policy.terms),
    fromMs: document.policy.effectiveFrom ?? Number.NEGATIVE_INFINITY,
    toMs: document.policy.effectiveTo ?? Number.POSITIVE_INFINITY,
  };
  const window = { fromMs: settlement.windowFrom, toMs: settlement.windowTo };
  const differences: string[] = [];
  const check = (what: string, stated: unknown, computed: unknown) => {
    if (stated !== computed) differences.push(`${what}: ${stated} in the file, ${computed} recomputed`);
  };
  check('scheme', settlement.scheme, policy.terms.scheme);
  checkWindow(document, policy, window, check);
  const finders = new Set(document.outputs.map(({ finderAccountId }) => finderAccountId));
  const divided = SCHEMES[settlement.scheme].divide({
    outputs: document.outputs,
    dustInSompi: settlement.dustInSompi,
    window,
    terms: policy.terms,
    accounts: accountsOf(document, finders),
  });
  checkSums(document, divided, check);
  checkAccounts(document, divided, check);
  const ownFees = document.accounts.filter(
    ({ accountId, work, feeBasisPoints }) =>
      feeBasisPointsOf(
        { accountId, work, ownFeeBasisPoints: undefined, donationBasisPoints: 0n },
        policy.terms,
        window,
      ) !== BigInt(feeBasisPoints),
  ).length;
  return { differences, ownFees };
}

/** A finder who has neither work nor a bonus has no part, and is not in the file. */
function accountsOf(
  { accounts }: SettlementDocument,
  finders: ReadonlySet<bigint>,
): readonly DivisionAccount[] {
  const stated = new Set(accounts.map(({ accountId }) => accountId));
  return [
    ...accounts.map((account) => ({
      accountId: account.accountId,
      work: account.work,
      ownFeeBasisPoints: BigInt(account.feeBasisPoints),
      donationBasisPoints: BigInt(account.donationBasisPoints),
    })),
    ...[...finders]
      .filter((accountId) => !stated.has(accountId))
      .map((accountId) => ({ accountId, work: 0n, ownFeeBasisPoints: undefined, donationBasisPoints: 0n })),
  ];
}

type Check = (what: string, stated: unknown, computed: unknown) => void;

function checkWindow(
  { settlement, outputs, minutes }: SettlementDocument,
  policy: PolicyInForce,
  window: Span,
  check: Check,
): void {
  const first = Math.min(...outputs.map(({ foundAt }) => foundAt));
  const scheme = SCHEMES[settlement.scheme];
  const unit = scheme.unitOf(Math.floor(first / MS_PER_MINUTE) * MS_PER_MINUTE, policy);
  const computed = scheme.windowOf({
    unit,
    terms: policy.terms,
    minutes: minutes
      .map(({ minute, work }) => ({ minuteMs: minute, work }))
      .sort((a, b) => b.minuteMs - a.minuteMs),
    networkWork: workOfTarget(targetOfBits(settlement.networkBits ?? 0)),
    previousToMs: settlement.previousWindowTo ?? undefined,
  });
  check('windowFrom', iso(window.fromMs), iso(computed.fromMs));
  check('windowTo', iso(window.toMs), iso(computed.toMs));
}

function checkSums({ settlement, outputs }: SettlementDocument, divided: Divided, check: Check): void {
  const reward = outputs.reduce((sum, { amountSompi }) => sum + amountSompi, 0n);
  check('rewardSompi', settlement.rewardSompi, reward);
  check('windowWork', settlement.windowWork, divided.windowWork);
  check('feeSompi', settlement.feeSompi, divided.feeSompi);
  check('donationSompi', settlement.donationSompi, divided.donationSompi);
  check('reserveSompi', settlement.reserveSompi, divided.reserveSompi);
  check('dustOutSompi', settlement.dustOutSompi, divided.dustOutSompi);
  const credits = divided.parts.reduce((sum, part) => sum + creditOf(part), 0n);
  check('creditSompi', settlement.creditSompi, credits);
  check(
    'reward + dust in',
    settlement.rewardSompi + settlement.dustInSompi,
    credits + divided.feeSompi + divided.donationSompi + divided.reserveSompi + divided.dustOutSompi,
  );
}

function checkAccounts({ accounts }: SettlementDocument, { parts }: Divided, check: Check): void {
  const computed = new Map(parts.map((part) => [part.accountId, part]));
  for (const stated of accounts) {
    const part = computed.get(stated.accountId);
    computed.delete(stated.accountId);
    const name = `account ${stated.accountId} (${stated.address})`;
    for (const field of ['grossSompi', 'bonusSompi', 'feeSompi', 'donationSompi'] as const)
      check(`${name} ${field}`, stated[field], part?.[field] ?? 0n);
    check(`${name} creditSompi`, stated.creditSompi, part ? creditOf(part) : 0n);
  }
  for (const [accountId, part] of computed) check(`account ${accountId}`, undefined, creditOf(part));
}

export function creditOf(
  part: Pick<DividedPart, 'grossSompi' | 'bonusSompi' | 'feeSompi' | 'donationSompi'>,
): bigint {
  return part.grossSompi + part.bonusSompi - part.feeSompi - part.donationSompi;
}

function iso(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString() : String(ms);
}
