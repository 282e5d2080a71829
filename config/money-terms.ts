/** The part of the configuration that is about money: how rewards are divided, how they are paid. Amounts are texts of KAS, never doubles. */
import { z } from 'zod';

/** KAS with at most eight digits behind the point; a number is read as it was written. */
const kas = z
  .union([z.string(), z.number()])
  .transform(String)
  .refine((text) => /^\d{1,11}(\.\d{1,8})?$/.test(text), 'expected an amount of KAS such as "12.5"');

/** At most two digits behind the point: basis points are whole. */
const percent = z
  .number()
  .min(0)
  .max(100)
  .refine((value) => Math.abs(value * 100 - Math.round(value * 100)) < 1e-6, 'expected at most two decimals');

const finderBonusPercent = percent
  .default(0)
  .describe('Of each block, to the miner who found it, before the rest is divided');
const windowHoursMax = z
  .number()
  .int()
  .min(1)
  .max(720)
  .default(168)
  .describe('A window never reaches further back than this');

const feePercent = percent.default(1).describe("The pool's part of what an account earns");
const reserveStopKas = kas
  .prefault('1000')
  .describe(
    'Nothing is credited that would bring the reserve below this; what is owed waits until it is filled up',
  );

export const rewards = z
  .strictObject({
    maturityDaa: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe(
        "DAA score between the acceptance of a reward and its being ours to spend: the network's rule",
      ),
    waitForJournalsMinutes: z
      .number()
      .min(0)
      .max(10_080)
      .default(30)
      .describe(
        'A reward is divided when every engine has loaded its shares up to the block; one that is down is waited for so long',
      ),
    pplns: z
      .strictObject({
        feePercent,
        finderBonusPercent,
        windowDifficulties: z
          .number()
          .positive()
          .max(1e9)
          .default(36_000)
          .describe(
            'The window holds so many network difficulties of work, back from the block; a block needs one on the mean',
          ),
        windowHoursMax,
      })
      .prefault({}),
    prop: z.strictObject({ feePercent, finderBonusPercent, windowHoursMax }).prefault({}),
    solo: z.strictObject({ feePercent }).prefault({}),
    pps: z
      .strictObject({
        feePercent: percent.default(4).describe('For the risk that the pool takes'),
        reserveStopKas,
      })
      .prefault({}),
    fpps: z
      .strictObject({
        feePercent: percent.default(4).describe('For the risk that the pool takes'),
        reserveStopKas,
      })
      .prefault({}),
    points: z
      .strictObject({
        feePercent,
        roundMinutes: z
          .number()
          .int()
          .min(1)
          .max(10_080)
          .default(60)
          .describe(
            'A round ends after so long; its points divide the rewards that came in, and all begin at 0 again',
          ),
      })
      .prefault({}),
    feeTiers: z
      .array(
        z.strictObject({
          fromTerahash: z
            .number()
            .min(0)
            .max(1e9)
            .describe('Mean hashrate in the window, TH/s, from which this fee holds'),
          feePercent: percent.describe('Instead of the fee of the scheme'),
        }),
      )
      .max(16)
      .default([])
      .describe('Lower fees for larger accounts; an account with a fee of its own keeps that'),
  })
  .prefault({});

export const payouts = z
  .strictObject({
    keyFile: z.string().optional().describe(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's variable is meant, not a template.
      'File with the private key of kaspa.payAddress, 64 hex digits, mode 0600, or a systemd credential: ${CREDENTIALS_DIRECTORY}/payout-key. Without one the payer keeps the books and pays nobody',
    ),
    stateDirectory: z
      .string()
      .optional()
      .describe(
        'Folder where the payer notes the end of the ledger, so that an older database in its place is recognised',
      ),
    minimumKas: kas
      .prefault('10')
      .describe('Least balance that is paid, where an account asks for nothing else'),
    minimumKasLeast: kas
      .prefault('1')
      .describe('Least threshold that an account may ask for; small outputs cost storage mass'),
    intervalMinutes: z.number().min(0.05).max(10_080).default(60).describe('Between two rounds of payouts'),
    networkFeeFrom: z
      .enum(['payees', 'pool'])
      .default('payees')
      .describe('Who pays the fee of a payout: its payees by amount, or the pool out of its fees'),
    feerateMax: z
      .number()
      .min(100)
      .max(1e6)
      .default(1_000)
      .describe('Sompi per gram, the most that is offered; the least is 100'),
    feeKasMax: kas.prefault('1').describe('The most that one transaction may cost'),
    transactionKasMax: kas.prefault('100000').describe('The most that one transaction may pay out'),
    dayKasMax: kas.prefault('1000000').describe('The most that is paid out in 24 hours'),
    addressDayKasMax: kas
      .prefault('200000')
      .describe('The most that one account is paid in 24 hours; the rest follows later'),
    massGramsMax: z
      .number()
      .int()
      .min(10_000)
      .max(500_000)
      .default(95_000)
      .describe('Of one transaction, signed, compute and storage mass each; nodes take 100000'),
    confirmDaa: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(1_000)
      .describe('DAA score after which a payout counts as confirmed'),
    consolidateAbove: z
      .number()
      .int()
      .min(0)
      .max(100_000)
      .default(200)
      .describe("More unspent outputs than this are joined, at the pool's cost; 0 = never"),
    auditSeconds: z
      .number()
      .min(1)
      .max(3_600)
      .default(10)
      .describe('Between two incremental audits of the ledger'),
  })
  .prefault({});
