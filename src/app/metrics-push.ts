/**
 * Figures pushed to a Pushgateway, for engines that no Prometheus can reach. In flow the registry, out flow a PUT every so often. Whatever the
 * other side does, answer late, wrongly or not at all, costs a line in the log and a longer pause, never the engine anything.
 *
 *   pushed --interval--> pushed          failed --interval, doubling to 5 min--> tried again
 */
import type { Config } from '../../config/schema.ts';
import { messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import type { Registry } from '../kit/metrics.ts';

export interface MetricsPushOptions {
  readonly gateway: NonNullable<Config['metrics']['pushgateway']>;
  readonly instance: string;
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  readonly log: Logger;
  readonly timeoutMs?: number;
}

const JOB = 'sluice';
const INTERVAL_SECONDS = 15;
/** A gateway in the same data centre answers in milliseconds. */
const TIMEOUT_MS = 5_000;
const PAUSE_MAX_MS = 300_000;
/** An engine that stops does not wait for its figures to be forgotten. */
const FAREWELL_MS = 1_000;
const MS_PER_SECOND = 1_000;

export class MetricsPush {
  readonly #options: MetricsPushOptions;
  readonly #url: URL;
  readonly #authorization: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #pushed = 0;
  #closed = false;

  constructor(options: MetricsPushOptions) {
    this.#options = options;
    const { gateway, instance } = options;
    const url = new URL(gateway.url);
    // `fetch` takes no names and passwords in an address, and no log shall show them.
    const { username, password } = url;
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#authorization = username === '' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
    url.username = '';
    url.password = '';
    url.pathname = `${url.pathname.replace(/\/$/, '')}/metrics/job/${gateway.job ?? JOB}/instance/${instance}`;
    this.#url = url;
  }

  get pushed(): number {
    return this.#pushed;
  }

  start(): void {
    this.#again(0);
  }

  /** What was pushed is taken back: a Pushgateway keeps it for ever, and an engine that is gone would look well. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    if (this.#pushed === 0) return;
    try {
      await this.#send('DELETE', undefined, FAREWELL_MS);
    } catch (error) {
      this.#options.log.warn({ fault: causeOf(error) }, 'pushed metrics could not be taken back');
    }
  }

  #again(pauseMs: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#push(), pauseMs);
    this.#timer.unref();
  }

  async #push(): Promise<void> {
    const { registry, log, gateway, timeoutMs = TIMEOUT_MS } = this.#options;
    try {
      await this.#send('PUT', await registry.metrics(), timeoutMs);
      this.#pushed++;
      if (this.#failures > 0) log.info({ failures: this.#failures }, 'metrics are pushed again');
      this.#failures = 0;
    } catch (error) {
      // One line for an outage, whatever its length.
      if (this.#failures++ === 0)
        log.warn({ gateway: this.#url.host, fault: causeOf(error) }, 'metrics could not be pushed');
    }
    const intervalMs = (gateway.intervalSeconds ?? INTERVAL_SECONDS) * MS_PER_SECOND;
    this.#again(Math.min(Math.max(PAUSE_MAX_MS, intervalMs), intervalMs * 2 ** this.#failures));
  }

  async #send(method: 'PUT' | 'DELETE', body: string | undefined, timeoutMs: number): Promise<void> {
    const { registry } = this.#options;
    const response = await fetch(this.#url, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': registry.contentType }),
        ...(this.#authorization === undefined ? {} : { authorization: this.#authorization }),
      },
      ...(body === undefined ? {} : { body }),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    // Not read: it may have no end.
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
  }
}

/** `fetch` says that it failed, and why one level deeper. */
function causeOf(error: unknown): string {
  return messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
}
