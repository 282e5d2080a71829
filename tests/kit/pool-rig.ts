/**
 * A whole pool for tests: simulated node, PostgreSQL and engine, each a process of its own that a test may kill, all on
 * loopback and on ports that stay the same over restarts, so that miners find their way back.
 */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type ChildRole, startChildRole } from '../../src/app/child-role.ts';
import { freePortNear } from '../../src/app/demo-plan.ts';
import { type KeptPostgres, keepPostgres } from '../../src/app/kept-postgres.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { type Database, openDatabase } from '../../src/ledger/stores/postgres.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { ControlClient } from '../../src/simnode/control.ts';
import { EngineProcess } from './engine-process.ts';

export const RIG_NETWORK = 'devnet';
export const RIG_INSTANCE = 'sluice-test';

export interface PoolRigOptions {
  /** Of the one stratum port, as a power of two. */
  readonly difficultyLog2: number;
  readonly networkDifficultyLog2: number;
  readonly blocksPerSecond?: number;
  /** True unless said otherwise. */
  readonly enforceExtranonce?: boolean;
  /** More keys of the one stratum port. */
  readonly port?: Readonly<Record<string, unknown>>;
  /** More keys of `stratum`. */
  readonly stratum?: Readonly<Record<string, unknown>>;
  /** More keys of the whole. */
  readonly top?: Readonly<Record<string, unknown>>;
  /** Ports beside it, whole. */
  readonly morePorts?: readonly Readonly<Record<string, unknown>>[];
  /** A new folder under the system's temporary one when absent. */
  readonly folder?: string;
}

export class PoolRig {
  readonly folder: string;
  readonly journalFolder: string;
  readonly configFile: string;
  readonly engineLog: string;
  readonly stratumPort: number;
  readonly httpUrl: string;
  readonly sql: Database;
  node: ChildRole;
  control: ControlClient;
  readonly #options: PoolRigOptions;
  #postgres: KeptPostgres;
  #engine: EngineProcess | undefined;

  private constructor(
    folder: string,
    options: PoolRigOptions,
    ports: { readonly stratum: number; readonly http: number },
    parts: { readonly node: ChildRole; readonly control: ControlClient; readonly postgres: KeptPostgres },
  ) {
    this.folder = folder;
    this.#options = options;
    this.journalFolder = join(folder, 'journal');
    this.configFile = join(folder, 'sluice.yaml');
    this.engineLog = join(folder, 'engine.log');
    this.stratumPort = ports.stratum;
    this.httpUrl = `http://127.0.0.1:${ports.http}`;
    this.node = parts.node;
    this.control = parts.control;
    this.#postgres = parts.postgres;
    this.sql = openDatabase(parts.postgres.first.url, { applicationName: 'sluice test', max: 2 });
  }

  /** Everything but the engine. */
  static async open(options: PoolRigOptions): Promise<PoolRig> {
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'sluice-pool-'));
    // When root runs the tests, the database's account must be able to enter.
    chmodSync(folder, 0o711);
    mkdirSync(join(folder, 'journal'), { recursive: true });
    const [node, postgres] = await Promise.all([
      startNode(folder, options, '127.0.0.1:0'),
      keepPostgres(join(folder, 'pg'), silentLogger),
    ]);
    const control = await ControlClient.connect(String(node.info.controlAddress));
    const ports = { stratum: await freePortNear(0), http: await freePortNear(0) };
    const rig = new PoolRig(folder, options, ports, { node, control, postgres });
    rig.#writeConfig(ports.http);
    return rig;
  }

  get engine(): EngineProcess {
    if (!this.#engine) throw new Error('the engine was never started');
    return this.#engine;
  }

  /** A process that may not be ready yet: await its `ready`. */
  startEngine(...more: readonly string[]): EngineProcess {
    this.#engine = new EngineProcess(this.configFile, this.engineLog, more);
    return this.#engine;
  }

  /** The node is killed and another one, of another chain, takes its address. */
  async killNode(): Promise<{ restart(): Promise<void> }> {
    const address = String(this.node.info.address);
    this.control.close();
    this.node.process.kill('SIGKILL');
    await this.node.exited;
    return {
      restart: async () => {
        this.node = await startNode(this.folder, this.#options, address);
        this.control = await ControlClient.connect(String(this.node.info.controlAddress));
      },
    };
  }

  /** Down in order, and nobody starts it again before `start`. */
  async stopPostgres(): Promise<{ start(): Promise<void> }> {
    await this.#postgres.stop();
    return {
      start: async () => {
        this.#postgres = await keepPostgres(join(this.folder, 'pg'), silentLogger);
      },
    };
  }

  /** Pid of the PostgreSQL that runs now; undefined while it is down. */
  postmasterPid(): number | undefined {
    try {
      return Number(
        readFileSync(join(this.#postgres.first.dataDir, 'postmaster.pid'), 'utf8').split('\n')[0],
      );
    } catch {
      return undefined;
    }
  }

  /** @param keepFolder for somebody who wants to see what went wrong. */
  async close(keepFolder = false): Promise<void> {
    if (this.#engine) await this.#engine.kill();
    this.control.close();
    await this.node.stop();
    await this.sql.end({ timeout: 1 });
    await this.#postgres.stop();
    if (!keepFolder) rmSync(this.folder, { recursive: true, force: true });
  }

  #writeConfig(httpPort: number): void {
    const options = this.#options;
    const config = {
      instance: RIG_INSTANCE,
      kaspa: {
        network: RIG_NETWORK,
        payAddress: demoAddresses(RIG_NETWORK, 1000).at(-1),
        nodes: [{ name: 'simulated', address: this.node.info.address }],
      },
      stratum: {
        host: '127.0.0.1',
        enforceExtranonce: options.enforceExtranonce ?? true,
        ...options.stratum,
        ports: [
          { port: this.stratumPort, difficulty: 2 ** options.difficultyLog2, ...options.port },
          ...(options.morePorts ?? []),
        ],
      },
      database: { url: this.#postgres.first.url },
      journal: { directory: this.journalFolder },
      // Both ways to a verdict are taken: few shares inline, more of them on a thread.
      validation: { threads: 1, inlineRecordsMax: 4 },
      http: { host: '127.0.0.1', port: httpPort },
      ...options.top,
    };
    writeFileSync(this.configFile, stringify(config), { mode: 0o600 });
  }
}

function startNode(folder: string, options: PoolRigOptions, address: string): Promise<ChildRole> {
  return startChildRole({
    name: 'simulated node',
    args: [
      'simnode',
      ...['--listen', address, '--network', RIG_NETWORK],
      ...['--difficulty-log2', String(options.networkDifficultyLog2)],
      ...['--blocks-per-second', String(options.blocksPerSecond ?? 10)],
    ],
    logFile: join(folder, 'simnode.log'),
  });
}
