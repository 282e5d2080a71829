/**
 * One scrape: the engine's metrics, asked of the main thread, merged with this thread's own.
 *
 * However many scrapers ask at once, the main thread is asked once; if it does not answer in time, the scrape fails (503)
 * rather than report half the truth with a 200.
 */
import { AggregatorRegistry, type Registry } from 'prom-client';

/** `registry.getMetricsAsJSON()`, as it crosses the threads. */
export type MetricsJson = readonly { name: string; aggregator?: string }[];

export class Scrape {
  readonly #own: Registry;
  readonly #ask: (id: number) => void;
  readonly #timeoutMs: number;
  #id = 0;
  #pending: { id: number; settle: (metrics: MetricsJson | undefined) => void } | undefined;
  #running: Promise<string | undefined> | undefined;

  constructor(own: Registry, ask: (id: number) => void, timeoutMs: number) {
    this.#own = own;
    this.#ask = ask;
    this.#timeoutMs = timeoutMs;
  }

  /** The exposition text; undefined when the main thread did not answer. */
  render(): Promise<string | undefined> {
    this.#running ??= this.#once().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The main thread's answer; a late one, whose scrape has been given up, is dropped. */
  answer(id: number, metrics: MetricsJson | undefined): void {
    if (this.#pending?.id === id) this.#pending.settle(metrics);
  }

  async #once(): Promise<string | undefined> {
    const id = ++this.#id;
    const theirs = await new Promise<MetricsJson | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), this.#timeoutMs);
      const settle = (metrics: MetricsJson | undefined): void => {
        clearTimeout(timer);
        resolve(metrics);
      };
      this.#pending = { id, settle };
      this.#ask(id);
    });
    this.#pending = undefined;
    if (!theirs) return undefined;
    return mergeMetrics([theirs, (await this.#own.getMetricsAsJSON()) as unknown as MetricsJson]);
  }
}

/** Sums what both sides have; prom-client leaves out what it calls `omit` (start time, versions), we take the first. */
export function mergeMetrics(sides: readonly MetricsJson[]): Promise<string> {
  const kept = sides.map((side) =>
    side.map((metric) => (metric.aggregator === 'omit' ? { ...metric, aggregator: 'first' } : metric)),
  );
  return AggregatorRegistry.aggregate(kept as unknown as object[]).metrics();
}
