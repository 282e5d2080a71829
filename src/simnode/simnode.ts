/**
 * The simulated Kaspa node, run by `sluice simnode` as a process of its own.
 *
 * In flow kaspad's gRPC protocol on loopback and lines on the control channel; out flow templates, verdicts,
 * notifications. What it simulates and what not: docs/SIMULATED-NODE.md. It must never be imported by a room
 * of the engine: for those it is kaspad.
 *
 *   clock --> network (pure) <-- grpc-server: one door per simulated node <-- engine
 *               ^                     ^
 *               '---- control: faults, mine, reorg, status
 */
import { referencePow } from '../chains/kaspa/reference-pow.ts';
import { shareTarget } from '../domain/target.ts';
import { type Logger, silentLogger } from '../kit/log.ts';
import { type CommandArguments, type CommandTarget, runCommand, type SimnodeStatus } from './commands.ts';
import { ControlServer } from './control.ts';
import { NodeDoor } from './grpc-server.ts';
import { SimNetwork } from './network.ts';
import { loopbackAddresses, SIMNODE_DEFAULTS, type SimnodeOptions } from './options.ts';

export { COMMANDS, type SimnodeStatus } from './commands.ts';
export { ControlClient } from './control.ts';
export { SIMNODE_DEFAULTS, SIMNODE_OPTIONS, type SimnodeOptionRow, type SimnodeOptions } from './options.ts';

export interface SimnodeHandle {
  /** Of the first node. */
  readonly address: string;
  readonly addresses: readonly string[];
  /** '' without a control channel. */
  readonly controlAddress: string;
  status(): SimnodeStatus;
  /** As over the control channel. */
  command(name: string, values?: CommandArguments): unknown;
  close(): Promise<void>;
}

/**
 * After a pause of the process (a debugger, a suspended machine) at most this many blocks are made up for.
 */
const CATCH_UP_MAX_BLOCKS = 50;
/** Shorter timers cost more than they give; at higher rates several blocks arrive per turn. */
const TICK_MIN_MS = 5;
/**
 * A new chain begins so long before the first template that nobody sees genesis, and coinbases pay several
 * miners.
 */
const FIRST_BLOCKS = 20;

export async function runSimnode(
  given: Partial<SimnodeOptions> = {},
  log: Logger = silentLogger,
): Promise<SimnodeHandle> {
  const options: SimnodeOptions = { ...SIMNODE_DEFAULTS, ...given };
  const nowMs = Date.now;
  const network = new SimNetwork(
    { ...options, target: shareTarget(options.difficultyLog2) },
    (prePow, timestampMs, bits, nonce) => referencePow(prePow, timestampMs, bits, nonce).meetsBits,
    nowMs(),
  );
  network.mine(FIRST_BLOCKS, nowMs());

  const nodes: NodeDoor[] = [];
  const pace = new Pace(options.blocksPerSecond, () => network.arriveForeign(nowMs()));
  const target: CommandTarget = {
    network,
    nodes,
    nowMs,
    setFrozen: (frozen) => {
      network.frozen = frozen;
      pace.setFrozen(frozen);
    },
    setRate: (blocksPerSecond) => pace.setRate(blocksPerSecond),
    status: () => statusOf(options.networkId, network, nodes, pace),
  };
  const control = options.controlPort < 0 ? undefined : new ControlServer(target);
  const close = async (): Promise<void> => {
    pace.stop();
    for (const node of nodes) node.close();
    await control?.close();
  };
  try {
    for (const address of loopbackAddresses(options.listen)) {
      const { networkId, unknownCalls } = options;
      const node = new NodeDoor({ network, networkId, unknownCalls, log, nowMs });
      nodes.push(node);
      await node.listen(address);
    }
    const controlAddress = (await control?.listen('127.0.0.1', options.controlPort)) ?? '';
    pace.start();
    const addresses = nodes.map((node) => node.address);
    log.info({ addresses, controlAddress, networkId: options.networkId }, 'simulated Kaspa node is up');
    return {
      address: addresses[0]!,
      addresses,
      controlAddress,
      status: target.status,
      command: (name, values = {}) => runCommand(target, name, values),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Calls `arrive` so many times a second, by the monotonic clock. */
class Pace {
  readonly #arrive: () => void;
  #blocksPerSecond: number;
  #frozen = false;
  #timer: NodeJS.Timeout | undefined;
  #sinceMs = 0;
  #made = 0;

  constructor(blocksPerSecond: number, arrive: () => void) {
    this.#blocksPerSecond = blocksPerSecond;
    this.#arrive = arrive;
  }

  get blocksPerSecond(): number {
    return this.#blocksPerSecond;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  start(): void {
    this.stop();
    if (this.#frozen || this.#blocksPerSecond === 0) return;
    this.#sinceMs = performance.now();
    this.#made = 0;
    this.#timer = setInterval(() => this.#tick(), Math.max(TICK_MIN_MS, 1000 / this.#blocksPerSecond));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  setFrozen(frozen: boolean): void {
    this.#frozen = frozen;
    this.start();
  }

  setRate(blocksPerSecond: number): void {
    this.#blocksPerSecond = blocksPerSecond;
    this.start();
  }

  #tick(): void {
    const elapsedMs = performance.now() - this.#sinceMs;
    const due = Math.floor((elapsedMs * this.#blocksPerSecond) / 1000) - this.#made;
    this.#made += due;
    for (let i = Math.min(due, CATCH_UP_MAX_BLOCKS); i > 0; i--) this.#arrive();
  }
}

function statusOf(
  networkId: string,
  network: SimNetwork,
  nodes: readonly NodeDoor[],
  pace: Pace,
): SimnodeStatus {
  const sum = (pick: (node: NodeDoor) => number): number =>
    nodes.reduce((total, node) => total + pick(node), 0);
  const blocksRefusedBy: Record<string, number> = {};
  for (const node of nodes) {
    for (const [reason, count] of Object.entries(node.counters.blocksRefusedBy)) {
      blocksRefusedBy[reason] = (blocksRefusedBy[reason] ?? 0) + count;
    }
  }
  return {
    networkId,
    virtualDaaScore: network.virtual.daaScore,
    sink: network.dag.sink.hash,
    sinkBlueScore: network.dag.sink.blueScore,
    blocksInDag: network.dag.size,
    tips: network.dag.tips.length,
    utxos: network.utxos.size,
    utxosForgotten: network.utxos.forgotten,
    mempool: network.mempool.size,
    blocksPerSecond: pace.blocksPerSecond,
    frozen: pace.frozen,
    blocksSubmitted: sum((node) => node.counters.blocksSubmitted),
    blocksAccepted: sum((node) => node.counters.blocksAccepted),
    blocksRepeated: sum((node) => node.counters.blocksRepeated),
    blocksRefusedBy,
    ...network.own.counts(),
    nodes: nodes.map(({ address, clients, counters, faults }) => ({
      address,
      clients,
      templatesServed: counters.templatesServed,
      blocksSubmitted: counters.blocksSubmitted,
      blocksAccepted: counters.blocksAccepted,
      ...faults.describe(),
    })),
  };
}
