/**
 * What the real miners send and what they refuse to hear: one row per family, as data.
 *
 * Two ways to hear. The *plain* one is that of load tests: it dies where the real client dies. The *strict* one is that of a
 * judge (`strict-watch`): every line that comes must be one that the family is known to have been served without harm.
 * A row must not be read from the server's table of dialects: two sides that read the same table agree even when both are wrong.
 */

/** Dialect names of the server, each with the family that stands for it. */
export const DIALECT_CLIENTS = {
  'asic-hex': 'iceriver',
  bitmain: 'godminer',
  'two-param': 'kaspa-miner',
  default: 'lolminer',
} as const;
export type MinerDialect = keyof typeof DIALECT_CLIENTS;
export const MINER_DIALECTS = Object.keys(DIALECT_CLIENTS) as readonly MinerDialect[];

export const MINER_CLIENTS = [
  'iceriver',
  'godminer',
  'kaspa-miner',
  'lolminer',
  'goldshell',
  'bzminer',
  'rigel',
  'nicehash',
] as const;
export type MinerClient = (typeof MINER_CLIENTS)[number];

/** `mixed` deals the four dialects out in turn, one per connection; `every` the eight clients. */
export type DialectChoice = MinerDialect | MinerClient | 'mixed' | 'every';
export const DIALECT_CHOICES: readonly DialectChoice[] = [
  ...MINER_DIALECTS,
  ...MINER_CLIENTS,
  'mixed',
  'every',
];

export interface ClientProfile {
  readonly client: MinerClient;
  /** `params` of subscribe, as JSON text. */
  readonly subscribeParams: string;
  /** Login requests in order, with the id each one carries on the real wire. */
  readonly login: readonly LoginStep[];
  /** `lock-step` reads exactly one line after each login request; `pipelined` sends all of them at once. */
  readonly ordering: 'lock-step' | 'sequential' | 'pipelined';
  readonly firstSubmitId: number;
  readonly jobForm: 'array' | 'hex';
  /** Where the extranonce has to come from; `two-param` pushes without a size are a protocol error to that family. */
  readonly extranonceFrom: 'subscribe-reply' | 'push' | 'two-param-push';
  /** Pushes that may carry the extranonce, as `method/number of params`. */
  readonly extranoncePushes: readonly string[];
  readonly nonceForm: 'full' | '0x-full' | 'short';
  /** Appended to every request: kaspa-miner serialises its (empty) error, too. */
  readonly requestTail: string;
  /** Goldshell: raw TABs in strings, NULs behind the line, CRLF. */
  readonly sloppyBytes: boolean;
  /** kaspa-miner parses only known pushes, both reply keys and the codes 20..25; anything else makes it reconnect. */
  readonly strictJson: boolean;
  /** kaspa-miner leaves on these: it takes them for a broken pool, not for a bad share. */
  readonly fatalCodes: readonly number[];
  /** lolMiner: "Pool not reacting to submitted shares", then it reconnects. */
  readonly reconnectsWhenUnanswered: boolean;
}

export interface LoginStep {
  readonly id: number;
  readonly method: 'mining.subscribe' | 'mining.extranonce.subscribe' | 'mining.authorize';
}

/** What most rows have in common. */
const USUAL = {
  ordering: 'sequential',
  jobForm: 'array',
  extranonceFrom: 'push',
  nonceForm: 'full',
  requestTail: '',
  sloppyBytes: false,
  strictJson: false,
  fatalCodes: [],
  reconnectsWhenUnanswered: false,
} as const;

const ONE_PARAM = ['mining.set_extranonce/1'];
const ANY_ONE_PARAM = ['mining.set_extranonce/1', 'set_extranonce/1'];

/** Subscribe and authorize. */
const twoSteps = (subscribeId: number, authorizeId: number): readonly LoginStep[] => [
  { id: subscribeId, method: 'mining.subscribe' },
  { id: authorizeId, method: 'mining.authorize' },
];

export const CLIENT_PROFILES: Readonly<Record<MinerClient, ClientProfile>> = {
  iceriver: {
    ...USUAL,
    client: 'iceriver',
    subscribeParams: '["IceRiverMiner-v1.1","EthereumStratum/1.0.0"]',
    login: twoSteps(1, 2),
    firstSubmitId: 3,
    jobForm: 'hex',
    extranoncePushes: ONE_PARAM,
  },
  godminer: {
    ...USUAL,
    client: 'godminer',
    subscribeParams: '["GodMiner/2.0.0", null]',
    login: [
      { id: 1, method: 'mining.subscribe' },
      { id: 3, method: 'mining.extranonce.subscribe' },
      { id: 2, method: 'mining.authorize' },
    ],
    ordering: 'lock-step',
    // GodMiner takes replies with ids from 4 up for answers to shares.
    firstSubmitId: 4,
    extranonceFrom: 'subscribe-reply',
    extranoncePushes: ['mining.set_extranonce/2'],
    nonceForm: '0x-full',
  },
  'kaspa-miner': {
    ...USUAL,
    client: 'kaspa-miner',
    subscribeParams: '["kaspa-miner/0.2.1"]',
    login: twoSteps(0, 1),
    firstSubmitId: 2,
    extranonceFrom: 'two-param-push',
    extranoncePushes: ['set_extranonce/2', 'mining.set_extranonce/2'],
    requestTail: ',"error":null',
    strictJson: true,
    fatalCodes: [20, 24, 25],
  },
  lolminer: {
    ...USUAL,
    client: 'lolminer',
    subscribeParams: '["lolMiner 1.72"]',
    login: twoSteps(1, 500),
    ordering: 'pipelined',
    firstSubmitId: 501,
    extranoncePushes: [...ANY_ONE_PARAM, 'set_extranonce/2'],
    // The family is seen with both forms; the short one exercises the server's padding rule.
    nonceForm: 'short',
    reconnectsWhenUnanswered: true,
  },
  goldshell: {
    ...USUAL,
    client: 'goldshell',
    // Its exact name was never seen; only the patterns that are meant to catch it.
    subscribeParams: '["Goldshell\tKA-Box"]',
    login: twoSteps(1, 2),
    firstSubmitId: 3,
    jobForm: 'hex',
    extranoncePushes: ONE_PARAM,
    sloppyBytes: true,
  },
  bzminer: {
    ...USUAL,
    client: 'bzminer',
    subscribeParams: '["BzMiner-v11.1.0","EthereumStratum/1.0.0"]',
    login: twoSteps(1, 2),
    firstSubmitId: 3,
    jobForm: 'hex',
    extranoncePushes: ANY_ONE_PARAM,
  },
  rigel: {
    ...USUAL,
    client: 'rigel',
    subscribeParams: '["Rigel"]',
    login: twoSteps(0, 1),
    firstSubmitId: 2,
    extranonceFrom: 'two-param-push',
    // Two params under the other name break it.
    extranoncePushes: ['set_extranonce/2'],
  },
  nicehash: {
    ...USUAL,
    client: 'nicehash',
    subscribeParams: '["NiceHash/1.0.0","EthereumStratum/1.0.0"]',
    // Its extranonce.subscribe comes when the pushes have begun.
    login: [...twoSteps(1, 2), { id: 3, method: 'mining.extranonce.subscribe' }],
    firstSubmitId: 4,
    extranoncePushes: [...ANY_ONE_PARAM, 'set_extranonce/2'],
    nonceForm: 'short',
    // Its checker wants the key `error` in every reply.
    strictJson: true,
  },
};

/** The family of connection number `index`. */
export function profileOf(choice: DialectChoice, index: number): ClientProfile {
  if (choice === 'every') return CLIENT_PROFILES[MINER_CLIENTS[index % MINER_CLIENTS.length]!];
  const name = choice === 'mixed' ? MINER_DIALECTS[index % MINER_DIALECTS.length]! : choice;
  return CLIENT_PROFILES[isDialect(name) ? DIALECT_CLIENTS[name] : name];
}

function isDialect(name: MinerDialect | MinerClient): name is MinerDialect {
  return Object.hasOwn(DIALECT_CLIENTS, name);
}
