/**
 * The kill test. Miners send shares over TCP and log every `true`; the engine, and now and then PostgreSQL, is killed with
 * SIGKILL at a random instant and started again, round after round; at the end client log, journal and database must agree.
 *
 *   load flows > 0.2 to 1.5 s > kill > what is acknowledged must lie in the journal > start > load flows > ...
 *
 * Time is measured in shares where it can be: a round begins when a share of the new engine is acknowledged. The instants of
 * the kills come from a seed; what the processes do meanwhile does not, so a seed repeats the plan, not the run.
 */
import { join } from 'node:path';
import { type MinerHandle, type MinerSummary, runMiner } from '../../src/miner/miner.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ClientTruth, ShareKeys } from './client-truth.ts';
import { countRows, readDatabase } from './database-truth.ts';
import { JournalTruth } from './journal-truth.ts';
import { seededRandom } from './seeded-random.ts';
import { compareTruths, type KillVerdict } from './verdict.ts';

export interface KillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly onRound?: (line: string) => void;
}

export interface KillReport extends KillVerdict {
  readonly rounds: number;
  readonly databaseKills: number;
  readonly seconds: number;
  readonly miner: MinerSummary;
  /** Still there when something was wrong. */
  readonly folder: string;
  readonly ok: boolean;
}

type Victim = 'engine' | 'engine on its way up' | 'postgres' | 'a backend' | 'engine and postgres';

/** Sixteen hashes a share: the load is bounded by the miners' allowance, 2,000 shares a second of all of them. */
const DIFFICULTY_LOG2 = -28;
/** A block in 2^16 hashes: one in two seconds. */
const NETWORK_DIFFICULTY_LOG2 = -16;
const CONNECTIONS = 8;
const HASHES_PER_SECOND = 4_000;
const KILL_AFTER_MIN_MS = 200;
const KILL_AFTER_MAX_MS = 1_500;
/** From spawning the process; it is ready after 500 ms and more. */
const EARLY_KILL_MAX_MS = 1_000;
const FLOW_LIMIT_MS = 60_000;
const LOADED_LIMIT_MS = 60_000;

export async function runKillRounds(options: KillOptions): Promise<KillReport> {
  const startedMs = performance.now();
  const rig = await PoolRig.open({
    difficultyLog2: DIFFICULTY_LOG2,
    networkDifficultyLog2: NETWORK_DIFFICULTY_LOG2,
  });
  let ok = false;
  options.onRound?.(`logs, journal and database: ${rig.folder}`);
  try {
    const field = new KillField(rig, options);
    const verdict = await field.run();
    ok = verdict.faults.length === 0;
    const seconds = (performance.now() - startedMs) / 1000;
    return { ...verdict, ...field.counts, rounds: options.rounds, seconds, folder: rig.folder, ok };
  } finally {
    await rig.close(!ok);
  }
}

class KillField {
  readonly #rig: PoolRig;
  readonly #options: KillOptions;
  readonly #random: () => number;
  readonly #client: ClientTruth;
  readonly #journal: JournalTruth;
  readonly #keys = new ShareKeys();
  readonly #logFile: string;
  #miner: MinerHandle | undefined;
  #databaseKills = 0;

  constructor(rig: PoolRig, options: KillOptions) {
    this.#rig = rig;
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#logFile = join(rig.folder, 'client.ndjson');
    this.#client = new ClientTruth(this.#logFile, this.#keys);
    this.#journal = new JournalTruth(rig.journalFolder, this.#keys);
  }

  get counts(): { databaseKills: number; miner: MinerSummary } {
    return { databaseKills: this.#databaseKills, miner: this.#miner!.summary() };
  }

  async run(): Promise<KillVerdict> {
    await this.#rig.startEngine().ready;
    this.#miner = await runMiner({
      port: this.#rig.stratumPort,
      network: RIG_NETWORK,
      connections: CONNECTIONS,
      hashesPerSecond: HASHES_PER_SECOND,
      inFlightMax: 32,
      duplicateRate: 0.01,
      staleRate: 0.002,
      logFile: this.#logFile,
      reconnectMinMs: 20,
      reconnectMaxMs: 200,
      // An engine that accepts and then dies on its way up leaves nobody waiting for long.
      answerTimeoutMs: 5_000,
    });
    try {
      for (let round = 1; round <= this.#options.rounds; round++) await this.#round(round);
      await this.#loadFlows();
    } finally {
      await this.#miner.stop();
    }
    return this.#reckon();
  }

  async #round(round: number): Promise<void> {
    const startedMs = performance.now();
    await this.#loadFlows();
    const victim = this.#chooseVictim();
    const waitMs = KILL_AFTER_MIN_MS + this.#random() * (KILL_AFTER_MAX_MS - KILL_AFTER_MIN_MS);
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    await this.#kill(victim);
    this.#options.onRound?.(
      `round ${round}: killed ${victim} after ${waitMs.toFixed(0)} ms, acknowledged ${this.#client.acknowledged.size}` +
        `, ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
    );
  }

  #chooseVictim(): Victim {
    const dice = this.#random();
    if (dice < 0.08) return 'postgres';
    if (dice < 0.14) return 'a backend';
    if (dice < 0.25) return 'engine and postgres';
    return dice < 0.4 ? 'engine on its way up' : 'engine';
  }

  async #kill(victim: Victim): Promise<void> {
    const rig = this.#rig;
    if (victim === 'a backend') await this.#killBackend();
    if (victim === 'postgres' || victim === 'engine and postgres') this.#killPostmaster();
    // The engine lives on: its shares must still be answered, which the next round waits for.
    if (victim === 'postgres' || victim === 'a backend') {
      this.#client.catchUp();
      return;
    }
    await rig.engine.kill();
    await this.#checkAcknowledged();
    if (victim === 'engine on its way up') {
      const engine = rig.startEngine();
      await new Promise((resolve) => setTimeout(resolve, this.#random() * EARLY_KILL_MAX_MS));
      await engine.kill();
      await this.#checkAcknowledged();
    }
    await rig.startEngine().ready;
  }

  #killPostmaster(): void {
    const pid = this.#rig.postmasterPid();
    // Down already, and on its way up again.
    if (pid !== undefined) this.#killOfDatabase(pid);
  }

  /** A killed server leaves its pid file behind, and a backend may end between the question and the kill. */
  #killOfDatabase(pid: number): void {
    try {
      process.kill(pid, 'SIGKILL');
      this.#databaseKills++;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** The one that loads shares, with luck in the middle of a COPY. PostgreSQL ends all others and recovers. */
  async #killBackend(): Promise<void> {
    const rows = await this.#rig.sql<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'sluice loader%'`.catch(() => []);
    for (const { pid } of rows) this.#killOfDatabase(pid);
  }

  /** No engine runs: what a miner holds a `true` for must be on the disk now, not later. */
  async #checkAcknowledged(): Promise<void> {
    this.#client.catchUp();
    await this.#journal.catchUp();
    const missing = this.#client.takeFresh().filter((key) => !this.#journal.shares.has(key));
    if (missing.length > 0) {
      throw new Error(`${missing.length} acknowledged shares are not in the journal: ${missing.slice(0, 5)}`);
    }
  }

  async #loadFlows(): Promise<void> {
    const before = this.#miner!.summary().accepted;
    await pollUntil('a share is acknowledged', () => this.#miner!.summary().accepted > before, FLOW_LIMIT_MS);
  }

  async #reckon(): Promise<KillVerdict> {
    const { sql, engine } = this.#rig;
    const code = await engine.stop();
    if (code !== 0) throw new Error(`the engine was asked to stop and ended with ${code}`);
    await this.#checkAcknowledged();
    const journalled = this.#journal.shares.size + this.#journal.doubled.length;
    // PostgreSQL was perhaps just killed: the next engine loads what this one could not.
    if ((await countRows(sql).catch(() => -1)) < journalled) {
      await this.#rig.startEngine().ready;
      await pollUntil(
        'all of the journal is in PostgreSQL',
        async () => (await countRows(sql).catch(() => -1)) >= journalled,
        LOADED_LIMIT_MS,
      );
      await this.#rig.engine.stop();
    }
    return compareTruths(this.#client, this.#journal, await readDatabase(sql, this.#keys));
  }
}
