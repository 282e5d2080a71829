/**
 * The main thread's side of the operator's console: starts its thread, tells it once a second, does what it asks, starts another when it
 * dies. It must never make the engine wait.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { secretPath } from '../../config/load.ts';
import { operatorPlace } from '../../config/operator-terms.ts';
import type { Config } from '../../config/schema.ts';
import type { ConfigurationView, OperatorStatus, ReloadAnswer } from '../api/operator/status-schema.ts';
import { EdgeError, type EdgeErrorCode, messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import type { Told } from '../live/verdict.ts';
import type { FromOperatorThread, OperatorThreadData, ToOperatorThread } from './operator-messages.ts';
import { operatorToken } from './operator-token.ts';

export interface OperatorOptions {
  readonly operator: NonNullable<Config['operator']>;
  readonly databaseUrl: string;
  readonly banFile: string | undefined;
  readonly service: OperatorStatus['service'];
  readonly log: Logger;
  /** Called once a second; must be cheap. */
  engines(): readonly Told[];
  configuration(): ConfigurationView;
  reload(dryRun: boolean): ReloadAnswer;
  bansChanged(): void;
}

export interface OperatorHandle {
  /** As a person opens it; of a socket `unix:PATH`. */
  readonly address: string;
  close(): Promise<void>;
}

const TELL_EVERY_MS = 1_000;
const RESTART_AFTER_MS = 2_000;
const CLOSE_PATIENCE_MS = 2_000;

/** @throws EdgeError SLUICE_OPERATOR_TOKEN | SLUICE_OPERATOR_LISTEN | SLUICE_PORT_IN_USE */
export async function startOperator(options: OperatorOptions): Promise<OperatorHandle> {
  const client = new OperatorClient(options);
  await client.open();
  return client;
}

class OperatorClient implements OperatorHandle {
  readonly #options: OperatorOptions;
  readonly #fixed: Pick<OperatorThreadData, 'place' | 'tokenHash' | 'databaseUrl' | 'banFile' | 'service'>;
  address = '';
  #worker: Worker | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #closing = false;
  /** The reading of the configuration that the thread knows. */
  #toldOf = '';

  constructor(options: OperatorOptions) {
    this.#options = options;
    const { operator, databaseUrl, banFile, service } = options;
    const token = operatorToken(operator.tokenFile, process.env);
    this.#fixed = {
      ...{ banFile, service },
      place: operatorPlace(operator.listen)!,
      tokenHash: createHash('sha256').update(token).digest(),
      databaseUrl: urlOf(operator.databaseUrlFile) ?? databaseUrl,
    };
  }

  async open(): Promise<void> {
    await this.#start();
    this.#ticker = setInterval(() => this.#tellAll(), TELL_EVERY_MS);
    this.#ticker.unref();
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#ticker);
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (!worker) return;
    const gone = new Promise((resolve) => worker.once('exit', resolve));
    this.#tell({ kind: 'close' });
    const timer = setTimeout(() => void worker.terminate(), CLOSE_PATIENCE_MS);
    await gone;
    clearTimeout(timer);
  }

  /** Resolves when the thread listens, rejects with why it cannot. */
  #start(): Promise<void> {
    const workerData: OperatorThreadData = {
      ...this.#fixed,
      engines: this.#options.engines(),
      configuration: this.#options.configuration(),
    };
    const worker = new Worker(new URL('./operator.thread.js', import.meta.url), {
      workerData,
      name: 'sluice-operator',
    });
    this.#worker = worker;
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromOperatorThread) => {
        if (message.kind === 'listening') {
          this.address = message.address;
          resolve();
        } else if (message.kind === 'failed') {
          reject(new EdgeError(message.code as EdgeErrorCode, message.message, message.remedy));
        } else this.#onMessage(message);
      });
      worker.on('error', (thrown) => {
        this.#options.log.error({ fault: messageOf(thrown) }, "the operator's thread failed");
        reject(new EdgeError('SLUICE_OPERATOR_LISTEN', messageOf(thrown), '', thrown));
      });
      worker.on('exit', () => {
        reject(new EdgeError('SLUICE_OPERATOR_LISTEN', "the operator's thread ended before it listened"));
        this.#onExit(worker);
      });
    });
  }

  #onMessage(message: Exclude<FromOperatorThread, { kind: 'listening' | 'failed' }>): void {
    const { log, reload, bansChanged } = this.#options;
    switch (message.kind) {
      case 'reload':
        this.#tell({ kind: 'reloaded', id: message.id, answer: reload(message.dryRun) });
        this.#tellAll();
        return;
      case 'bans':
        bansChanged();
        return;
      case 'note':
        log.info({ who: message.who, what: message.what, outcome: message.outcome }, 'operator');
    }
  }

  #onExit(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined;
    // Before it first listened the caller gets the error and decides.
    if (this.#closing || this.address === '') return;
    const { log } = this.#options;
    log.error("the operator's thread is gone, the engine goes on; starting another");
    this.#restart = setTimeout(() => {
      this.#start().catch((thrown) => log.error({ fault: messageOf(thrown) }, 'the console did not start'));
    }, RESTART_AFTER_MS);
    this.#restart.unref();
  }

  #tellAll(): void {
    this.#tell({ kind: 'engines', engines: this.#options.engines() });
    const view = this.#options.configuration();
    // It has some 150 entries, and changes at a reload only.
    if (view.readAt === this.#toldOf) return;
    this.#toldOf = view.readAt;
    this.#tell({ kind: 'configuration', view });
  }

  #tell(message: ToOperatorThread): void {
    this.#worker?.postMessage(message);
  }
}

function urlOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const path = secretPath(file, process.env);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new EdgeError(
      'SLUICE_SECRET_UNREADABLE',
      `operator.databaseUrlFile: cannot read ${path}: ${messageOf(error)}`,
      'the file must exist and be readable by the user that Sluice runs as',
    );
  }
}
