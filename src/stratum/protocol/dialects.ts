/**
 * The dialects: one protocol with three axes of variation, and one row per way that clients combine them. A new firmware is a
 * new word in a row; a test speaks every row with a client as strict as the real one. Pure data.
 */

/** How the subscribe request is answered. `extranonce`: Bitmain's firmware takes it from there and from nowhere else. */
export type SubscribeForm = 'protocol' | 'extranonce';
/** `one-param`: mining.set_extranonce ["0001"]. `two-param`: set_extranonce ["0001",6]. `mining-two-param`: both of each. */
export type ExtranonceForm = 'one-param' | 'two-param' | 'mining-two-param';
/** `array`: four u64 and a timestamp. `big`: the same 40 bytes as 80 hex digits. */
export type JobForm = 'array' | 'big';

export interface Dialect {
  readonly name: DialectName;
  /** Any of these in the user agent, in lower case. */
  readonly userAgents: readonly string[];
  readonly subscribe: SubscribeForm;
  /** Sent after the authorize reply, unless the subscribe reply carried the extranonce already. */
  readonly extranonce: ExtranonceForm;
  readonly job: JobForm;
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
  },
  bitmain: {
    name: 'bitmain',
    userAgents: ['godminer', 'bitmain', 'antminer'],
    subscribe: 'extranonce',
    // Only for a Bitmain behind a proxy that hid its user agent and asks for this row by password.
    extranonce: 'mining-two-param',
    job: 'array',
  },
  'two-param': {
    name: 'two-param',
    userAgents: ['kaspa-miner', 'rigel', 'tnn-miner', 'gminer'],
    subscribe: 'protocol',
    extranonce: 'two-param',
    job: 'array',
  },
  default: {
    name: 'default',
    userAgents: [],
    subscribe: 'protocol',
    extranonce: 'one-param',
    job: 'array',
  },
};

export function isDialectName(text: string): text is DialectName {
  return (DIALECT_NAMES as readonly string[]).includes(text);
}

/** The row whose word the user agent contains, in any case; `default` when none does. */
export function dialectOfUserAgent(userAgent: string): Dialect {
  const agent = userAgent.toLowerCase();
  for (const name of DIALECT_NAMES) {
    const dialect = DIALECTS[name];
    if (dialect.userAgents.some((word) => agent.includes(word))) return dialect;
  }
  return DIALECTS.default;
}
