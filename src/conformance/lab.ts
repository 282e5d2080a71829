/**
 * What a check works with: the server's address, clients of every kind, and whatever else the operator has opened for this run (the
 * simulated node behind it, its metrics, its process). A check that needs what is not there says so, and is not applicable.
 */
import {
  type AddressPrefix,
  AddressVersion,
  checkAddress,
  encodeAddress,
  type KaspaAddress,
} from '../chains/kaspa/address.ts';
import { ControlClient } from '../simnode/control.ts';
import { NotApplicable, Unmet } from './finding.ts';
import { MiningSession, type SessionChoice } from './mining-session.ts';
import { ShareFinder } from './share-finder.ts';
import { type Place, pause, Wire } from './wire.ts';
import { Witness } from './witness.ts';

export interface LabOptions {
  readonly place: Place;
  /** Accepted by the server; '' = a demo address of the network. */
  readonly address: string;
  readonly network: string;
  /** Of sessions that mine: asks for a difficulty that a CPU meets. */
  readonly workPassword: string;
  /** Target of the port's variable difficulty; 0 = not known. */
  readonly sharesPerMinute: number;
  /** Connections of each storm. */
  readonly storm: number;
  /** Control channel of the simulated node behind the server; '' = there is none. */
  readonly simnode: string;
  /** As a power of two; only with a simulated node. */
  readonly networkDifficultyLog2: number;
  /** Prometheus page with the gauge `connectionsMetric`; '' = there is none. */
  readonly metricsUrl: string;
  readonly connectionsMetric: string;
  /** Another port of the server, with PROXY headers from this machine. */
  readonly proxyPlace: Place | undefined;
  /** May be told to stop (SIGTERM), at the very end; 0 = no. */
  readonly pid: number;
  /** The server is this build of Sluice: what no wire shows is asked of its code in this process. */
  readonly thisBuild: boolean;
  /** Leaves out what takes more than ten seconds. */
  readonly quick: boolean;
}

/** One name for each profile, as real clients have them. */
export const AGENTS = {
  default: 'lolMiner 1.72',
  hex: 'IceRiverMiner-v1.1',
  bitmain: 'GodMiner/2.0.0',
  twoParam: 'kaspa-miner/0.2.1',
} as const;
export const ALL_AGENTS: readonly string[] = Object.values(AGENTS);

const PREFIX_OF: Readonly<Record<string, AddressPrefix>> = {
  mainnet: 'kaspa',
  testnet: 'kaspatest',
  devnet: 'kaspadev',
  simnet: 'kaspasim',
};
/** Longer than any sound limit keeps somebody out who did nothing but come often. */
const DOOR_PATIENCE_MS = 15_000;
const DOOR_PAUSE_MS = 250;
/** Any 32 bytes are a well-formed key; nobody has the other half of this one. */
const NOBODYS_KEY = 0x51;

export class Lab {
  readonly options: LabOptions;
  readonly witness = new Witness();
  readonly finder = new ShareFinder();
  readonly #wires = new Set<Wire>();
  #control: ControlClient | undefined;

  constructor(options: LabOptions) {
    this.options = options;
  }

  get prefix(): AddressPrefix {
    const prefix = PREFIX_OF[this.options.network.split('-')[0]!];
    if (prefix === undefined) throw new NotApplicable(`no network is called ${this.options.network}`);
    return prefix;
  }

  /** Of this network unless said otherwise; with the key of nobody. */
  addressOf(
    version: KaspaAddress['version'] = AddressVersion.SchnorrKey,
    prefix: AddressPrefix = this.prefix,
  ): string {
    const bytes = version === AddressVersion.EcdsaKey ? 33 : 32;
    return encodeAddress({ prefix, version, payload: new Uint8Array(bytes).fill(NOBODYS_KEY) });
  }

  get address(): string {
    const { address, network } = this.options;
    if (address === '') return this.addressOf();
    const check = checkAddress(address, network);
    return check.ok ? check.address : address;
  }

  get foreignAddress(): string {
    return this.addressOf(AddressVersion.SchnorrKey, this.prefix === 'kaspa' ? 'kaspatest' : 'kaspa');
  }

  async connect(place: Place = this.options.place): Promise<Wire> {
    const wire = await Wire.connect(place, this.witness);
    this.#wires.add(wire);
    wire.socket.on('close', () => this.#wires.delete(wire));
    return wire;
  }

  /** Logged in, with a job, at whatever difficulty the port gives. */
  async session(agent: string = AGENTS.default, choice: Partial<SessionChoice> = {}): Promise<MiningSession> {
    const login = `${this.address}.conformance`;
    return MiningSession.open(await this.connect(), this.finder, { agent, login, password: 'x', ...choice });
  }

  /** Logged in where shares can be found. */
  worker(agent: string = AGENTS.default): Promise<MiningSession> {
    return this.session(agent, { password: this.options.workPassword });
  }

  /** After or within a storm: who is turned away at the door, as limits per address do, waits and tries again. */
  async patientSession(agent?: string): Promise<MiningSession> {
    const endMs = performance.now() + DOOR_PATIENCE_MS;
    for (;;) {
      try {
        return await this.session(agent);
      } catch (thrown) {
        if (!(thrown instanceof Unmet) || performance.now() > endMs) throw thrown;
      }
      await pause(DOOR_PAUSE_MS);
    }
  }

  async control(): Promise<ControlClient> {
    if (this.options.simnode === '')
      throw new NotApplicable('no wire shows it: it takes a node that can be told what to do (--simnode)');
    return (this.#control ??= await ControlClient.connect(this.options.simnode));
  }

  needsTime(seconds: number): void {
    if (this.options.quick) throw new NotApplicable(`it takes ${seconds} s: run without --quick`);
  }

  needsThisBuild(): void {
    if (!this.options.thisBuild)
      throw new NotApplicable('no wire shows it; for a server of this build: --this-build');
  }

  /** Leaves nothing open, whatever a check forgot. */
  closeWires(): void {
    for (const wire of this.#wires) wire.close();
  }

  close(): void {
    this.closeWires();
    this.#control?.close();
  }
}

/** A request that every server answers, to see whether it still does and what stands before the answer. */
export function sentinel(id: string): object {
  return { id, method: 'mining.subscribe', params: [AGENTS.default] };
}
