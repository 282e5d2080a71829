/**
 * Keeps one prepared segment ahead of the one being written. In flow segment openings, out flow the two control words that the
 * writer thread waits on. When a file cannot be made it tries again as long as the current segment has room; when the thread
 * already waits for that very file, it is told to fail instead.
 */
import type { Logger } from '../kit/log.ts';
import { Control, type RingMemory } from './ring-memory.ts';
import type { SegmentStock } from './segment-stock.ts';

export class StockKeeper {
  readonly #stock: SegmentStock;
  readonly #memory: RingMemory;
  readonly #retryMs: number;
  readonly #log: Logger;
  #current = 0;
  #running: Promise<void> | undefined;
  #stopped = false;
  #endPause: (() => void) | undefined;
  /** Why the next file cannot be made; '' when nothing is wrong. */
  fault = '';

  constructor(stock: SegmentStock, memory: RingMemory, retryMs: number, log: Logger) {
    this.#stock = stock;
    this.#memory = memory;
    this.#retryMs = retryMs;
    this.#log = log;
  }

  /** Starts, or goes on after a stop, with `current` being written. */
  keep(current: number): void {
    this.#current = current;
    this.#stopped = false;
    this.fault = '';
    this.#running ??= this.#fill().finally(() => {
      this.#running = undefined;
    });
  }

  /** The header of `segment` is in the ring; the thread may come to it at any moment. */
  segmentOpened(segment: number): void {
    this.#current = segment;
    if (this.fault !== '' && this.#stock.preparedThrough < segment) this.#giveUp(segment);
    else
      this.#running ??= this.#fill().finally(() => {
        this.#running = undefined;
      });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endPause?.();
    await this.#running;
  }

  async #fill(): Promise<void> {
    while (!this.#stopped && this.#stock.preparedThrough <= this.#current) {
      const segment = this.#stock.preparedThrough + 1;
      try {
        await this.#stock.prepare(segment, () => this.#stopped || segment <= this.#current);
        this.fault = '';
        this.#memory.set(Control.Prepared, segment);
        this.#memory.ring();
      } catch (thrown) {
        this.fault = (thrown as Error).message;
        this.#log.error({ segment, fault: this.fault }, 'the next journal segment cannot be made');
        if (segment <= this.#current) {
          this.#giveUp(segment);
          return;
        }
        await this.#pause();
      }
    }
  }

  #giveUp(segment: number): void {
    this.#memory.set(Control.PrepareFailed, segment);
    this.#memory.ring();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#retryMs);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
