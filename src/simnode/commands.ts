/**
 * The commands of the control channel: what a test or a person may do to the simulated network and its nodes.
 * One table, which the help text and docs/SIMULATED-NODE.md follow.
 */
import { EdgeError } from '../kit/edge-error.ts';
import { REFUSE_REASONS, type RefuseReason } from './faults.ts';
import type { NodeDoor } from './grpc-server.ts';
import type { SimNetwork } from './network.ts';

export interface SimnodeStatus {
  readonly networkId: string;
  readonly virtualDaaScore: number;
  readonly sink: string;
  readonly sinkBlueScore: number;
  readonly blocksInDag: number;
  readonly tips: number;
  readonly utxos: number;
  readonly utxosForgotten: number;
  readonly mempool: number;
  readonly blocksPerSecond: number;
  readonly frozen: boolean;
  /** Sums over all nodes. */
  readonly blocksSubmitted: number;
  readonly blocksAccepted: number;
  readonly blocksRepeated: number;
  readonly blocksRefusedBy: Readonly<Record<string, number>>;
  /** Colours of the accepted blocks; `waiting` are not merged yet. */
  readonly blue: number;
  readonly red: number;
  readonly waiting: number;
  readonly nodes: readonly NodeStatusRow[];
}

export interface NodeStatusRow {
  readonly address: string;
  readonly clients: number;
  readonly templatesServed: number;
  readonly blocksSubmitted: number;
  readonly blocksAccepted: number;
  readonly stalled: boolean;
  readonly offline: boolean;
  readonly unsynced: boolean;
  readonly delayMs: number;
  readonly refusing: string;
}

/** What a command may touch. */
export interface CommandTarget {
  readonly network: SimNetwork;
  readonly nodes: readonly NodeDoor[];
  nowMs(): number;
  setFrozen(frozen: boolean): void;
  setRate(blocksPerSecond: number): void;
  status(): SimnodeStatus;
}

export type CommandArguments = Readonly<Record<string, string | number | boolean>>;

interface CommandRow {
  readonly usage: string;
  readonly help: string;
  run(target: CommandTarget, values: ArgumentReader): unknown;
}

/**
 * A control line must end: nobody types a number above these, and each would hold the process for seconds.
 */
const MINE_MAX = 100_000;

export const COMMANDS: Readonly<Record<string, CommandRow>> = {
  status: {
    usage: 'status',
    help: 'counters of the network and of each node',
    run: (target) => target.status(),
  },
  mine: {
    usage: 'mine N',
    help: 'N blocks of other miners at once, one notification at the end: matures rewards quickly',
    run: ({ network, nowMs }, values) => network.mine(values.integer('value', 1, MINE_MAX), nowMs()),
  },
  burst: {
    usage: 'burst N',
    help: 'N blocks of other miners at once, a notification for each',
    run: ({ network, nowMs }, values) => {
      for (let i = values.integer('value', 1, MINE_MAX); i > 0; i--) network.arriveForeign(nowMs());
    },
  },
  reorg: {
    usage: 'reorg N [red=false]',
    help: 'replaces the last N chain blocks; what only they had merged turns red, or is merged again as blue with red=false',
    run: ({ network, nowMs }, values) => ({
      removedChainBlocks: network.reorganise(
        values.integer('value', 1, 2000),
        values.flag('red', true),
        nowMs(),
      ),
    }),
  },
  red: {
    usage: 'red N',
    help: 'the next N submitted blocks will be merged red',
    run: ({ network }, values) => network.declareRed(values.integer('value', 0, MINE_MAX)),
  },
  freeze: {
    usage: 'freeze on|off',
    help: 'no blocks of other miners: templates, timestamp included, change only by our own blocks',
    run: (target, values) => target.setFrozen(values.flag('value', true)),
  },
  rate: {
    usage: 'rate BLOCKS_PER_SECOND',
    help: 'pace of the other miners, 0 to 1000',
    run: (target, values) => target.setRate(values.number('value', 0, 1000)),
  },
  stall: {
    usage: 'stall on|off [node=I]',
    help: 'the node reads and never answers',
    run: (target, values) => {
      for (const node of chosen(target, values)) node.faults.stalled = values.flag('value', true);
    },
  },
  disconnect: {
    usage: 'disconnect [node=I]',
    help: 'drops every stream; clients may come back at once',
    run: (target, values) => ({ dropped: total(chosen(target, values).map((node) => node.dropStreams())) }),
  },
  offline: {
    usage: 'offline on|off [node=I]',
    help: 'drops every stream and each new one',
    run: (target, values) => {
      for (const node of chosen(target, values)) {
        node.faults.offline = values.flag('value', true);
        if (node.faults.offline) node.dropStreams();
      }
    },
  },
  refuse: {
    usage: `refuse ${REFUSE_REASONS.join('|')}|none [count=N] [node=I]`,
    help: 'refuses submitted blocks unseen',
    run: (target, values) => {
      const reason = values.text('value', 'BLOCK_INVALID');
      for (const node of chosen(target, values)) {
        if (reason === 'none') node.faults.refuseNone();
        else
          node.faults.refuse(
            refuseReason(reason),
            values.integer('count', 1, Number.POSITIVE_INFINITY, Infinity),
          );
      }
    },
  },
  unsynced: {
    usage: 'unsynced on|off [node=I]',
    help: 'isSynced is false, blocks are refused with IS_IN_IBD',
    run: (target, values) => {
      for (const node of chosen(target, values)) node.faults.unsynced = values.flag('value', true);
    },
  },
  delay: {
    usage: 'delay MS [node=I]',
    help: 'every answer is this late',
    run: (target, values) => {
      for (const node of chosen(target, values)) node.faults.delayMs = values.integer('value', 0, 60_000);
    },
  },
  clear: {
    usage: 'clear [node=I]',
    help: 'ends all faults of the node, and the freeze',
    run: (target, values) => {
      for (const node of chosen(target, values)) node.faults.clear();
      target.setFrozen(false);
    },
  },
};

export function runCommand(target: CommandTarget, name: string, values: CommandArguments): unknown {
  const row = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!row) throw badCommand(`there is no command "${name}"; there are: ${Object.keys(COMMANDS).join(', ')}`);
  return row.run(target, new ArgumentReader(row.usage, values)) ?? null;
}

class ArgumentReader {
  readonly #usage: string;
  readonly #values: CommandArguments;

  constructor(usage: string, values: CommandArguments) {
    this.#usage = usage;
    this.#values = values;
  }

  text(name: string, fallback: string): string {
    return String(this.#values[name] ?? fallback);
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.#values[name] ?? fallback;
    if (value === true || value === 'on' || value === 'true') return true;
    if (value === false || value === 'off' || value === 'false') return false;
    throw this.#bad(name, 'on or off');
  }

  integer(name: string, min: number, max: number, fallback?: number): number {
    const value = this.number(name, min, max, fallback);
    if (!Number.isInteger(value) && value !== Number.POSITIVE_INFINITY) throw this.#bad(name, 'an integer');
    return value;
  }

  number(name: string, min: number, max: number, fallback?: number): number {
    const given = this.#values[name] ?? fallback;
    const value = given === '' || given === undefined ? Number.NaN : Number(given);
    if (!(value >= min && value <= max)) throw this.#bad(name, `a number from ${min} to ${max}`);
    return value;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  #bad(name: string, expected: string): EdgeError {
    return badCommand(
      `${name === 'value' ? 'the argument' : name} must be ${expected}; usage: ${this.#usage}`,
    );
  }
}

function chosen(target: CommandTarget, values: ArgumentReader): readonly NodeDoor[] {
  if (!values.has('node')) return target.nodes;
  return [target.nodes[values.integer('node', 0, target.nodes.length - 1)]!];
}

function refuseReason(text: string): RefuseReason {
  const reason = REFUSE_REASONS.find((known) => known === text);
  if (!reason)
    throw badCommand(`there is no reason "${text}"; there are: ${REFUSE_REASONS.join(', ')}, none`);
  return reason;
}

function badCommand(message: string): EdgeError {
  return new EdgeError('SLUICE_SIMNODE_COMMAND', message);
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
