/**
 * The dialects: one protocol with a few axes of variation, and one row per way that clients combine them. A new firmware is a
 * new word in a row; `tests/vectors/dialects` holds a recorded session of every row's clients. Pure data.
 *
 *   a row is chosen by    password `s=NAME`  >  the port's `dialect`  >  the user agent  >  what an unknown agent is tried with
 *
 * What all clients have in common is no column: nothing but replies before authorize is answered, the first job right behind that
 * answer, and every spelling of a nonce is read.
 */

/** How the subscribe request is answered. `extranonce`: Bitmain's firmware takes it from there and from nowhere else. */
export type SubscribeForm = 'protocol' | 'extranonce';
/** `one-param`: mining.set_extranonce ["0001"]. `two-param`: set_extranonce ["0001",6]. `mining-two-param`: both of each. */
export type ExtranonceForm = 'one-param' | 'two-param' | 'mining-two-param';
/** `array`: four u64 and a timestamp. `big`: the same 40 bytes as 80 hex digits. */
export type JobForm = 'array' | 'big';
/** How the strictest client of the row logs in. `lock-step` reads one line after each request, whatever line that is. */
export type LoginOrder = 'lock-step' | 'sequential' | 'pipelined';
/** `full`: 16 digits, extranonce in front. `0x-full`: the same behind 0x. `short`: without the extranonce. */
export type NonceForm = 'full' | '0x-full' | 'short';

export interface Dialect {
  readonly name: DialectName;
  /** Any of these in the user agent, in lower case. Those of `default` need nothing else: they are known, that is all. */
  readonly userAgents: readonly string[];
  readonly subscribe: SubscribeForm;
  /** Sent after the authorize reply, unless the subscribe reply carried the extranonce already. */
  readonly extranonce: ExtranonceForm;
  readonly job: JobForm;
  readonly login: LoginOrder;
  /** Seen from clients of this row. */
  readonly nonces: readonly NonceForm[];
  /** May be told to come back by `client.reconnect`. To some a push they do not know is a broken pool. */
  readonly understandsReconnect: boolean;
  /** Its firmware names a wrong job when jobs come fast: a share that misses may be tried on a few earlier jobs. */
  readonly mislabelsJobs: boolean;
}

export const DIALECT_NAMES = ['asic-hex', 'bitmain', 'two-param', 'default'] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  'asic-hex': {
    name: 'asic-hex',
    userAgents: ['iceriver', 'icemining', 'icm', 'bzminer', 'goldshell'],
    subscribe: 'protocol',
    extranonce: 'one-param',
    job: 'big',
    login: 'sequential',
    nonces: ['full'],
    understandsReconnect: false,
    mislabelsJobs: true,
  },
  bitmain: {
    name: 'bitmain',
    userAgents: ['godminer', 'bitmain', 'antminer'],
    subscribe: 'extranonce',
    // Only for a Bitmain behind a proxy that hid its user agent and asks for this row by password.
    extranonce: 'mining-two-param',
    job: 'array',
    login: 'lock-step',
    nonces: ['0x-full'],
    understandsReconnect: false,
    mislabelsJobs: false,
  },
  'two-param': {
    name: 'two-param',
    userAgents: ['kaspa-miner', 'rigel', 'tnn-miner', 'gminer'],
    subscribe: 'protocol',
    extranonce: 'two-param',
    job: 'array',
    login: 'sequential',
    nonces: ['full'],
    understandsReconnect: false,
    mislabelsJobs: false,
  },
  default: {
    name: 'default',
    userAgents: ['lolminer', 'srbminer', 'teamredminer', 'nicehash'],
    subscribe: 'protocol',
    extranonce: 'one-param',
    job: 'array',
    login: 'pipelined',
    nonces: ['full', 'short'],
    understandsReconnect: false,
    mislabelsJobs: false,
  },
};

/** What an unknown client is tried with, in turn, when it leaves at once. Bitmain's form helps nobody else. */
export const SHAPES_TO_TRY: readonly Dialect[] = [
  DIALECTS.default,
  DIALECTS['two-param'],
  DIALECTS['asic-hex'],
];

export function isDialectName(text: string): text is DialectName {
  return (DIALECT_NAMES as readonly string[]).includes(text);
}

/** The row whose word the user agent contains, in any case; undefined when none does. */
export function dialectOfUserAgent(userAgent: string): Dialect | undefined {
  const agent = userAgent.toLowerCase();
  for (const name of DIALECT_NAMES) {
    const dialect = DIALECTS[name];
    if (dialect.userAgents.some((word) => agent.includes(word))) return dialect;
  }
  return undefined;
}
