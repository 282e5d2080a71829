/**
 * The configuration: ONE table that parses, documents, refuses and prints the example. Every key's `describe` text is what a
 * person reads in the example file; unknown keys stop the start.
 */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { haveOneDifficulty, portNumber, stratumPort } from './stratum-schema.ts';

export { DIALECT_NAMES, SCHEME_NAMES } from './stratum-schema.ts';

const hostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected HOST:PORT')
  .refine(
    (text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535,
    'the port must be at most 65535',
  );

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
  .default('1000')
  .describe(
    'Nothing is credited that would bring the reserve below this; what is owed waits until it is filled up',
  );

const rewards = z
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

const payouts = z
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
      .default('10')
      .describe('Least balance that is paid, where an account asks for nothing else'),
    minimumKasLeast: kas
      .default('1')
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
    feeKasMax: kas.default('1').describe('The most that one transaction may cost'),
    transactionKasMax: kas.default('100000').describe('The most that one transaction may pay out'),
    dayKasMax: kas.default('1000000').describe('The most that is paid out in 24 hours'),
    addressDayKasMax: kas
      .default('200000')
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

export const configSchema = z.strictObject({
  instance: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected lower-case letters, digits and dashes, at most 32')
    .default('sluice-1')
    .describe(
      'Name of this engine. It is part of every coinbase, so two engines of one pool must not share it',
    ),
  kaspa: z.strictObject({
    network: z
      .enum(['mainnet', 'testnet-10', 'devnet', 'simnet'])
      .describe('Network all nodes must be on; addresses of any other are refused'),
    payAddress: z.string().min(10).max(120).describe("The pool's treasury: block rewards go here"),
    nodes: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(40).describe('What logs and pages call this node'),
          address: hostPort.describe('gRPC address of a kaspad, HOST:PORT (mainnet 16110, testnet 16210)'),
        }),
      )
      .min(1)
      .max(16)
      .describe('Templates come from the freshest synced one, found blocks go to all'),
    allowUnsynced: z
      .boolean()
      .default(false)
      .describe(
        'Mine on a node that says it is not synced: only for private networks, where a fresh chain counts as unsynced',
      ),
  }),
  stratum: z
    .strictObject({
      host: z.string().default('0.0.0.0').describe('Interface to listen on'),
      publicHost: z
        .string()
        .default('')
        .describe('Host name miners use, shown on the page; default: the host above'),
      enforceExtranonce: z
        .boolean()
        .default(true)
        .describe("Refuse nonces outside the miner's own extranonce; false only counts them"),
      acceptDescriptors: z
        .number()
        .int()
        .min(1)
        .max(LIMITS.acceptDescriptorsMax)
        .default(LIMITS.acceptDescriptors)
        .describe(
          'Copies of a listening socket per engine, under serve --edges: so many connections are accepted in a turn of the loop',
        ),
      banFile: z
        .string()
        .min(1)
        .optional()
        .describe(
          'Networks that may not connect; `sluice ban` writes it, and a change is taken in some seconds or at SIGHUP',
        ),
      ports: z.array(stratumPort).min(1).max(64),
    })
    // Without the rule a nonce belongs to nobody, so a miner could hand it in on whichever connection credits it most.
    .refine((stratum) => stratum.enforceExtranonce || haveOneDifficulty(stratum.ports), {
      path: ['enforceExtranonce'],
      message: 'may be false only where all ports have one and the same fixed difficulty',
    }),
  database: z
    .strictObject({
      url: z.string().optional().describe('postgres://USER:PASSWORD@HOST:PORT/NAME. Better: urlFile'),
      urlFile: z.string().optional().describe(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's variable is meant, not a template.
        'File holding that URL (mode 0600, or a systemd credential: ${CREDENTIALS_DIRECTORY}/database-url)',
      ),
      embedded: z
        .string()
        .optional()
        .describe('Folder for an embedded PostgreSQL instead: fine to try, not for production'),
    })
    .refine(
      (value) => [value.url, value.urlFile, value.embedded].filter((one) => one !== undefined).length === 1,
      {
        message: 'give exactly one of url, urlFile, embedded',
      },
    ),
  journal: z.strictObject({
    directory: z
      .string()
      .min(1)
      .describe('Folder of the share journal; on a disk of its own, with power-loss protection if you can'),
    retainHours: z.number().min(0).max(8760).default(24).describe('Loaded segments are kept this long'),
    durability: z
      .enum(['fsync', 'none'])
      .default('fsync')
      .describe(
        'fsync = a share is answered when it is on disk; none = when the system has it: it outlives the engine, not the machine',
      ),
  }),
  validation: z
    .strictObject({
      threads: z
        .number()
        .int()
        .min(0)
        .max(256)
        .default(0)
        .describe('Validator threads; 0 = cores - 1, at least 1'),
      inlineRecordsMax: z
        .number()
        .int()
        .min(0)
        .max(LIMITS.batchRecordsMax)
        .default(LIMITS.inlineRecordsMax)
        .describe(
          'Turns with no more shares than this are judged on the main thread; 0 = always the threads',
        ),
    })
    .prefault({}),
  rewards: rewards.describe(
    'Terms of the schemes; a change holds for blocks found after the payer has read it',
  ),
  payouts: payouts.describe('For `sluice payer`, a process of its own'),
  http: z
    .strictObject({
      host: z.string().default('127.0.0.1').describe('Interface of page, API and metrics'),
      port: portNumber.default(8080),
      engine: z
        .enum(['auto', 'uws', 'node'])
        .default('auto')
        .describe('uws = uWebSockets.js; node = node:http; auto = uws where its binary fits'),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
});

export type Config = z.infer<typeof configSchema>;
export type StratumPortConfig = Config['stratum']['ports'][number];
