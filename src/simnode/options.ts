/** Options of the simulated node: one table for the command line, its help text, and the defaults. */
import { EdgeError } from '../kit/edge-error.ts';

export interface SimnodeOptions {
  /** One address per simulated node; all look at the same network. Port 0 = any free one. */
  readonly listen: readonly string[];
  /** 0 = any free one, -1 = no control channel. */
  readonly controlPort: number;
  readonly networkId: string;
  /** Network difficulty in share units, as a power of two: 2^-12 is about a million hashes a block. */
  readonly difficultyLog2: number;
  /** Blocks of other miners. 0 = none. */
  readonly blocksPerSecond: number;
  readonly redRate: number;
  readonly forkRate: number;
  readonly maturityDaa: number;
  readonly blockVersion: number;
  readonly parentLevels: number;
  readonly fillerTransactions: number;
  readonly subsidySompi: bigint;
  readonly massLimitGrams: number;
  readonly minimumFeeratePerGram: number;
  readonly verifySignatures: boolean;
  readonly keepBlocks: number;
  readonly keepUtxos: number;
  readonly seed: string;
  readonly serverVersion: string;
  /** Request fields that the nodes do not know, e.g. `getBlockRewardInfoRequest` for a kaspad before 2.0. */
  readonly unknownCalls: readonly string[];
}

export interface SimnodeOptionRow {
  readonly key: keyof SimnodeOptions;
  readonly flag: string;
  readonly argument: string;
  readonly help: string;
  readonly fallback: SimnodeOptions[keyof SimnodeOptions];
  /** Throws an EdgeError on nonsense. */
  parse(text: string): SimnodeOptions[keyof SimnodeOptions];
}

const OLDER_CALLS: Readonly<Record<string, string>> = {
  'reward-info': 'getBlockRewardInfoRequest',
  'block-colour': 'getCurrentBlockColorRequest',
};

const NETWORKS = /^(mainnet|devnet|simnet|testnet-\d{1,3})$/;
/** Nothing here withstands an attacker, so nothing here may be reached from another machine. */
const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost):\d{1,5}$/;

export const SIMNODE_OPTIONS: readonly SimnodeOptionRow[] = [
  {
    key: 'listen',
    flag: '--listen',
    argument: '<host:port,...>',
    help: 'gRPC addresses on loopback, one simulated node each, all on one network',
    fallback: ['127.0.0.1:16610'],
    parse: (text) => loopbackAddresses(listOf(text)),
  },
  row(
    'controlPort',
    '--control-port',
    '<port>',
    'port of the control channel, 0 = any, -1 = none',
    0,
    -1,
    65_535,
  ),
  {
    key: 'networkId',
    flag: '--network',
    argument: '<id>',
    help: 'mainnet, testnet-10, devnet or simnet',
    fallback: 'devnet',
    parse: (text) => matching('--network', text, NETWORKS, 'mainnet, testnet-10, devnet or simnet'),
  },
  row('difficultyLog2', '--difficulty-log2', '<n>', 'network difficulty 2^n in share units', -12, -31, 40),
  row(
    'blocksPerSecond',
    '--blocks-per-second',
    '<n>',
    'blocks of other miners, 0 = none',
    10,
    0,
    1000,
    false,
  ),
  row('redRate', '--red-rate', '<0..1>', 'part of the submitted blocks that turn red', 0.02, 0, 1, false),
  row(
    'forkRate',
    '--fork-rate',
    '<0..1>',
    "part of the others' blocks that stand beside the newest",
    0.3,
    0,
    1,
    false,
  ),
  row('maturityDaa', '--maturity', '<daa>', 'DAA score until a coinbase output can be spent', 1000, 0, 1e9),
  row('blockVersion', '--block-version', '<n>', '2 also puts version-1 transactions into templates', 1, 0, 2),
  row('parentLevels', '--parent-levels', '<n>', 'levels of parents in a header', 24, 1, 200),
  row('fillerTransactions', '--transactions', '<n>', 'ordinary transactions per template', 3, 0, 1000),
  {
    key: 'subsidySompi',
    flag: '--subsidy',
    argument: '<sompi>',
    help: 'reward of a block, without fees',
    fallback: 194_454_365n,
    parse: (text) => BigInt(matching('--subsidy', text, /^\d{1,18}$/, 'an amount in sompi')),
  },
  row(
    'massLimitGrams',
    '--mass-limit',
    '<grams>',
    'per transaction: 100000 is standard, 500000 a whole block',
    100_000,
    1,
    500_000,
  ),
  row('minimumFeeratePerGram', '--min-feerate', '<sompi>', 'minimum fee per gram', 100, 0, 1e6, false),
  {
    key: 'verifySignatures',
    flag: '--verify-signatures',
    argument: '<on|off>',
    help: 'check Schnorr signatures of submitted transactions',
    fallback: true,
    parse: (text) => matching('--verify-signatures', text, /^(on|off)$/, 'on or off') === 'on',
  },
  row('keepBlocks', '--keep-blocks', '<n>', 'blocks kept in memory', 10_000, 500, 1e6),
  row('keepUtxos', '--keep-utxos', '<n>', 'unspent outputs kept in memory', 500_000, 1000, 1e7),
  {
    key: 'seed',
    flag: '--seed',
    argument: '<text>',
    help: 'seed of all chance',
    fallback: '1',
    parse: (text) => text,
  },
  {
    key: 'serverVersion',
    flag: '--server-version',
    argument: '<text>',
    help: 'version that the nodes report; clients choose their calls by it',
    fallback: '2.0.1',
    parse: (text) => text,
  },
  {
    key: 'unknownCalls',
    flag: '--without',
    argument: '<reward-info,block-colour>',
    help: 'calls that older kaspads do not know',
    fallback: [],
    parse: (text) =>
      listOf(text).map((name) => {
        const field = OLDER_CALLS[name];
        if (!field) throw badOption('--without', name, Object.keys(OLDER_CALLS).join(' or '));
        return field;
      }),
  },
];

export const SIMNODE_DEFAULTS = Object.fromEntries(
  SIMNODE_OPTIONS.map(({ key, fallback }) => [key, fallback]),
) as unknown as SimnodeOptions;

/** Also for callers that do not come over the command line. */
export function loopbackAddresses(addresses: readonly string[]): readonly string[] {
  if (addresses.length === 0) throw badOption('--listen', '', 'loopback host:port');
  return addresses.map((address) => matching('--listen', address, LOOPBACK, 'loopback host:port'));
}

function row(
  key: keyof SimnodeOptions,
  flag: string,
  argument: string,
  help: string,
  fallback: number,
  min: number,
  max: number,
  integer = true,
): SimnodeOptionRow {
  const parse = (text: string): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= min && value <= max) || (integer && !Number.isInteger(value))) {
      throw badOption(flag, text, `${integer ? 'an integer' : 'a number'} from ${min} to ${max}`);
    }
    return value;
  };
  return { key, flag, argument, help, fallback, parse };
}

function matching(flag: string, text: string, pattern: RegExp, expected: string): string {
  if (!pattern.test(text)) throw badOption(flag, text, expected);
  return text;
}

function listOf(text: string): string[] {
  return text.split(',').filter((part) => part !== '');
}

function badOption(flag: string, found: string, expected: string): EdgeError {
  return new EdgeError('SLUICE_SIMNODE_OPTION', `${flag} is "${found}", expected ${expected}`);
}
