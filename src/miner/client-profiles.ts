/**
 * What the real miners send and what they refuse to hear: one row per family, as data.
 *
 * The names are those of the server's dialect profiles, so that a profile and the client that tests it are found together.
 * A client stands for its family: IceRiver for `asic-hex`, GodMiner for `bitmain`, kaspa-miner for `two-param`, lolMiner for
 * `default`. Where a family is strict, so is its row: a server that only works with lenient clients must fail here.
 */

export const MINER_DIALECTS = ['asic-hex', 'bitmain', 'two-param', 'default'] as const;
export type MinerDialect = (typeof MINER_DIALECTS)[number];
/** `mixed` deals the four out in turn, one per connection. */
export type DialectChoice = MinerDialect | 'mixed';

export interface ClientProfile {
  readonly dialect: MinerDialect;
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
  readonly nonceForm: 'full' | '0x-full' | 'short';
  /** Appended to every request: kaspa-miner serialises its (empty) error, too. */
  readonly requestTail: string;
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

export const CLIENT_PROFILES: Readonly<Record<MinerDialect, ClientProfile>> = {
  'asic-hex': {
    dialect: 'asic-hex',
    subscribeParams: '["IceRiverMiner-v1.1","EthereumStratum/1.0.0"]',
    login: [
      { id: 1, method: 'mining.subscribe' },
      { id: 2, method: 'mining.authorize' },
    ],
    ordering: 'sequential',
    firstSubmitId: 3,
    jobForm: 'hex',
    extranonceFrom: 'push',
    nonceForm: 'full',
    requestTail: '',
    strictJson: false,
    fatalCodes: [],
    reconnectsWhenUnanswered: false,
  },
  bitmain: {
    dialect: 'bitmain',
    subscribeParams: '["GodMiner/2.0.0", null]',
    login: [
      { id: 1, method: 'mining.subscribe' },
      { id: 3, method: 'mining.extranonce.subscribe' },
      { id: 2, method: 'mining.authorize' },
    ],
    ordering: 'lock-step',
    // GodMiner takes replies with ids from 4 up for answers to shares.
    firstSubmitId: 4,
    jobForm: 'array',
    extranonceFrom: 'subscribe-reply',
    nonceForm: '0x-full',
    requestTail: '',
    strictJson: false,
    fatalCodes: [],
    reconnectsWhenUnanswered: false,
  },
  'two-param': {
    dialect: 'two-param',
    subscribeParams: '["kaspa-miner/0.2.1"]',
    login: [
      { id: 0, method: 'mining.subscribe' },
      { id: 1, method: 'mining.authorize' },
    ],
    ordering: 'sequential',
    firstSubmitId: 2,
    jobForm: 'array',
    extranonceFrom: 'two-param-push',
    nonceForm: 'full',
    requestTail: ',"error":null',
    strictJson: true,
    fatalCodes: [20, 24, 25],
    reconnectsWhenUnanswered: false,
  },
  default: {
    dialect: 'default',
    subscribeParams: '["lolMiner 1.72"]',
    login: [
      { id: 1, method: 'mining.subscribe' },
      { id: 500, method: 'mining.authorize' },
    ],
    ordering: 'pipelined',
    firstSubmitId: 501,
    jobForm: 'array',
    extranonceFrom: 'push',
    // The family is seen with both forms; the short one exercises the server's padding rule.
    nonceForm: 'short',
    requestTail: '',
    strictJson: false,
    fatalCodes: [],
    reconnectsWhenUnanswered: true,
  },
};

/** The dialect of connection number `index`. */
export function dialectOf(choice: DialectChoice, index: number): MinerDialect {
  return choice === 'mixed' ? MINER_DIALECTS[index % MINER_DIALECTS.length]! : choice;
}
