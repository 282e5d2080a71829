/**
 * The configuration: ONE table that parses, documents, refuses and prints the example. Every key's `describe` text is what a
 * person reads in the example file; unknown keys stop the start.
 */
import { z } from 'zod';
import { LIMITS } from './limits.ts';
import { payouts, rewards } from './money-terms.ts';
import { operator } from './operator-terms.ts';
import { haveOneDifficulty, portNumber, stratumPort } from './stratum-schema.ts';

export { DIALECT_NAMES, SCHEME_NAMES } from './stratum-schema.ts';

const hostPort = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected HOST:PORT')
  .refine(
    (text) => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65_535,
    'the port must be at most 65535',
  );

/** A template of a link: of http, and with the place for what it leads to. */
const explorerLink = (place: string) =>
  z
    .string()
    .max(200)
    .refine(
      (text) =>
        text === 'auto' ||
        text === '' ||
        (/^https?:\/\/[^\s"<>]+$/.test(text) && text.includes(`{${place}}`)),
      `expected auto, '' or an address of http(s) with {${place}} in it`,
    )
    .default('auto');

const everyKey = z.strictObject({
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
      explorer: z
        .strictObject({
          transaction: explorerLink('txid').describe(
            'Link of a transaction on the pages, {txid} in its place',
          ),
          block: explorerLink('hash').describe('Link of a block, {hash} in its place'),
        })
        .prefault({})
        .describe("Of whom the pages link to. auto = explorer.kaspa.org on mainnet, else none; '' = none"),
      allowOrigins: z
        .array(
          z
            .string()
            .regex(
              /^(\*|https?:\/\/[^/?#@\s]+)$/,
              'expected * or an origin such as https://pool.example, without a path',
            ),
        )
        .max(100)
        .default(['*'])
        .describe(
          'Sites whose pages may read the JSON interface and open live sockets; * = all. The pool itself always may',
        ),
      liveClientsMax: z
        .number()
        .int()
        .min(1)
        .max(200_000)
        .default(LIMITS.liveClients)
        .describe(
          'Live sockets at once; each takes a file descriptor, 3 kB (10 kB with node) and 8 us of a core a second',
        ),
      enabled: z
        .boolean()
        .default(true)
        .describe(
          'false: the engine opens no HTTP port; `sluice api` serves pages and metrics, by live.directory',
        ),
    })
    .prefault({}),
  live: z
    .strictObject({
      directory: z
        .string()
        .default('')
        .describe(
          'Folder of the Unix sockets (INSTANCE.sock) by which engines tell `sluice api` what happens; empty = none',
        ),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      pushgateway: z
        .strictObject({
          url: z
            .url({ protocol: /^https?$/, hostname: /^.+$/ })
            .describe('Address of the Pushgateway, e.g. http://127.0.0.1:9091; may hold NAME:PASSWORD@'),
          intervalSeconds: z
            .number()
            .int()
            .min(5)
            .max(3_600)
            .optional()
            .describe('Pause between two pushes; default 15'),
          job: z
            .string()
            .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'expected letters, digits, _ and -, at most 64')
            .optional()
            .describe('Job that the figures are filed under; default sluice'),
        })
        .optional()
        .describe('For engines that no Prometheus can reach; the others are scraped at /metrics'),
    })
    .prefault({}),
  operator,
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
});

export const configSchema = everyKey.refine(({ http, live }) => http.enabled || live.directory !== '', {
  path: ['http', 'enabled'],
  message:
    'may be false only with live.directory: without either nobody could see the engine, nor its metrics',
});

export type Config = z.infer<typeof configSchema>;
export type StratumPortConfig = Config['stratum']['ports'][number];
