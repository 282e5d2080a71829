/**
 * The ledger as the engine uses it: the database opened, migrated and allowed to be away, the loader behind the journal, the
 * tracker behind found blocks. Shares never wait for any of this; the loader and the tracker begin when the database first
 * answers and find their own way back after every outage.
 */
import type { Config } from '../../config/schema.ts';
import type { Chain, SubmitReport } from '../chains/chain.ts';
import { AnsweredMark } from '../journal/answered-mark.ts';
import type { ShareJournal } from '../journal/share-journal.ts';
import { messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { Histogram, type Registry } from '../kit/metrics.ts';
import { BlockTracker } from '../ledger/block-tracker.ts';
import { registerBlockMetrics } from '../ledger/ledger-metrics.ts';
import { type LoaderClient, startLoader } from '../ledger/loader-client.ts';
import { migrate } from '../ledger/migrate.ts';
import { PostgresBlockStore } from '../ledger/stores/block-store.ts';
import { type Database, isUnreachable, openDatabase } from '../ledger/stores/postgres.ts';
import type { StageLatencies } from '../live/stage-latencies.ts';
import type { FoundBlock } from '../validation/verdicts.ts';
import type { WorkerNames } from './worker-names.ts';

export interface EngineClocks {
  /** Monotonic ms. */
  readonly clock: () => number;
  /** Unix ms. */
  readonly wallClock: () => number;
}

export interface LedgerOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly journal: ShareJournal;
  readonly chain: Chain;
  readonly names: WorkerNames;
  readonly registry: Registry;
  readonly stages: StageLatencies;
  readonly log: Logger;
  readonly clocks: EngineClocks;
}

/** Between two attempts while the database is away: soon enough for a restart, slow enough for a log. */
const RETRY_MS = 1_000;
/** Settlements wait for whole minutes, so a quarter of a second is nothing; a look at all waiting shares takes microseconds. */
const ANSWERED_INTERVAL_MS = 250;

export class Ledger {
  readonly tracker: BlockTracker;
  readonly #options: LedgerOptions;
  readonly #sql: Database;
  readonly #submitSeconds: Histogram;
  readonly #answered = new AnsweredMark();
  #answeredTimer: NodeJS.Timeout | undefined;
  #loader: LoaderClient | undefined;
  #fault = 'not connected yet';
  #closed = false;
  #submitting = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
    this.#sql = openDatabase(options.databaseUrl, { max: 3, applicationName: 'sluice engine' });
    this.tracker = new BlockTracker({
      store: new PostgresBlockStore(this.#sql, options.config.instance),
      fateOf: (hash) => options.chain.blockFate(hash),
      clock: options.clocks.wallClock,
      log: options.log,
      finalConfirmations: options.config.rewards.maturityDaa,
    });
    registerBlockMetrics(options.registry, this.tracker);
    this.#submitSeconds = new Histogram(options.registry, {
      name: 'sluice_ledger_block_submit_seconds',
      help: 'From finding a block to the first answer of any node.',
    });
  }

  get loader(): LoaderClient | undefined {
    return this.#loader;
  }

  /** '' when the schema is in place. */
  get fault(): string {
    return this.#fault;
  }

  /** @param oldestUnderWayMs monotonic ms of the oldest submission that is neither refused nor on disk; Infinity = none */
  start(oldestUnderWayMs: () => number): void {
    const { clock, wallClock } = this.#options.clocks;
    const tell = () => this.#answered.set(wallClock(), clock(), oldestUnderWayMs());
    this.#answeredTimer = setInterval(tell, ANSWERED_INTERVAL_MS);
    this.#prepare().catch((error: unknown) => {
      // A schema from the future or an edited migration: people must look; shares stay safe in the journal.
      this.#fault = messageOf(error);
      this.#options.log.fatal({ fault: this.#fault }, 'the database cannot be used');
    });
  }

  /** To the nodes first; everything else about the block is behind that. */
  submit(block: FoundBlock): void {
    const { chain, clocks, log, names } = this.#options;
    const startedMs = clocks.clock();
    this.#submitting++;
    chain
      .submit(block.candidate)
      .then((reports) => this.#submitted(block, reports, startedMs))
      .catch((error: unknown) => log.error({ fault: messageOf(error) }, 'submitting a block failed'))
      .finally(() => this.#submitting--);
    this.tracker.found(block.candidate, {
      ...names.nameOf(block.workerRef),
      pot: block.pot,
      foundAtUnixMs: block.foundAtUnixMs,
      templateAgeMs: block.receivedAtMs - block.candidate.template.receivedAtMs,
      queueMs: startedMs - block.receivedAtMs,
    });
  }

  /** @param stored called when all shares are loaded, before the loader's thread ends */
  async close(drainMs: number, stored: () => Promise<void> = async () => {}): Promise<void> {
    this.#closed = true;
    clearInterval(this.#answeredTimer);
    const deadline = this.#options.clocks.clock() + drainMs;
    while (this.#submitting > 0 && this.#options.clocks.clock() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (this.#loader) {
      const drained = await this.#loader.drain(drainMs);
      if (!drained) this.#options.log.warn('the loader leaves records for the next start');
      await stored();
      await this.#loader.close();
    }
    await this.tracker.close();
    await this.#sql.end({ timeout: 5 });
  }

  async #prepare(): Promise<void> {
    const { config, databaseUrl, journal, log, registry } = this.#options;
    await this.#migrateWhenReachable();
    if (this.#closed) return;
    this.#loader = startLoader({
      journalDirectory: config.journal.directory,
      instanceName: config.instance,
      databaseUrl,
      durableMark: journal.durableMark,
      answeredMark: this.#answered.buffer,
      commitTimes: this.#options.stages.commitMemory,
      retainMs: config.journal.retainHours * 3_600_000,
      log,
      registry,
    });
    this.tracker.start();
  }

  async #migrateWhenReachable(): Promise<void> {
    const { log } = this.#options;
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        const { applied, version } = await migrate(this.#sql, { log });
        this.#fault = '';
        log.info({ version, applied }, 'database is ready');
        return;
      } catch (error) {
        this.#fault = messageOf(error);
        if (!isUnreachable(error)) throw error;
        if (attempt === 1) {
          log.warn(
            { fault: this.#fault },
            'database is away: shares are journalled, the loader will catch up',
          );
        }
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #submitted(block: FoundBlock, reports: readonly SubmitReport[], startedMs: number): void {
    const { clocks, log } = this.#options;
    const firstAnswerMs = Math.min(...reports.map((report) => report.elapsedMs), clocks.clock() - startedMs);
    this.#submitSeconds.observe(firstAnswerMs / 1000);
    this.tracker.submitted(block.candidate.blockHash, reports);
    const accepted = reports.filter((report) => report.outcome === 'accepted').length;
    const level = accepted > 0 ? 'info' : 'error';
    log[level](
      { blockHash: block.candidate.blockHash, accepted, reports },
      accepted > 0 ? 'block found and accepted' : 'block found and accepted by no node',
    );
  }
}
