/**
 * Runs duties at their pace until the lead is lost or somebody says stop. In flow duties, out flow their last faults.
 *
 * One at a time: they share the connection of the lead, and a read of one must not fall into the transaction of another. A duty
 * that fails rests, longer each time, so that one whose failure costs the lead does not keep those behind it from ever having a turn.
 */
import { messageOf } from '../kit/edge-error.ts';
import { type Logger, ThrottledLog } from '../kit/log.ts';

export interface Duty {
  readonly name: string;
  readonly everyMs: number;
  tick(): Promise<void>;
}

export interface DutyRecord {
  nextAtMs: number;
  failures: number;
  lastOkUnixMs: number;
  /** '' when its last turn went well. */
  fault: string;
}

const TURN_PAUSE_MS = 100;
const REST_FIRST_MS = 2_000;
const REST_MAX_MS = 60_000;

export class DutyLoop {
  /** By name, over leads. */
  readonly records = new Map<string, DutyRecord>();
  readonly #log: Logger;
  readonly #throttled = new ThrottledLog(30_000);
  #stopping = false;
  #running = false;
  #wake: () => void = () => {};

  constructor(log: Logger) {
    this.#log = log;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** One line for `systemctl status`. */
  status(): string {
    if (!this.#running) return 'waiting for the lead, or for a node to hold the ledger against';
    const failing = [...this.records].filter(([, { fault }]) => fault !== '').map(([name]) => name);
    return failing.length === 0 ? 'leads; all duties go well' : `leads; failing: ${failing.join(', ')}`;
  }

  stop(): void {
    this.#stopping = true;
    this.#wake();
  }

  /** Resolves when `stop` was called; rejects when `stillLeads` does, which is asked after each failure. */
  async run(duties: readonly Duty[], stillLeads: () => Promise<void>): Promise<void> {
    this.#running = true;
    try {
      while (!this.#stopping) {
        await this.#round(duties, stillLeads);
        await this.pause(TURN_PAUSE_MS);
      }
    } finally {
      this.#running = false;
    }
  }

  async #round(duties: readonly Duty[], stillLeads: () => Promise<void>): Promise<void> {
    for (const duty of duties) {
      if (this.#stopping) return;
      const record = this.#recordOf(duty);
      if (performance.now() < record.nextAtMs) continue;
      if (!(await this.#turn(duty, record))) await stillLeads();
    }
  }

  /** Ends early when somebody says stop. */
  async pause(ms: number): Promise<void> {
    if (this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #turn(duty: Duty, record: DutyRecord): Promise<boolean> {
    try {
      await duty.tick();
      record.fault = '';
      record.failures = 0;
      record.lastOkUnixMs = Date.now();
      record.nextAtMs = performance.now() + duty.everyMs;
      return true;
    } catch (error) {
      record.fault = messageOf(error);
      record.failures++;
      const rest = Math.min(REST_FIRST_MS * 2 ** (record.failures - 1), REST_MAX_MS);
      record.nextAtMs = performance.now() + Math.max(rest, duty.everyMs);
      this.#throttled.once(duty.name, performance.now(), (swallowed) =>
        this.#log.error({ duty: duty.name, reason: record.fault, swallowed }, 'a duty of the payer failed'),
      );
      return false;
    }
  }

  #recordOf(duty: Duty): DutyRecord {
    let record = this.records.get(duty.name);
    if (!record) {
      record = { nextAtMs: 0, failures: 0, lastOkUnixMs: 0, fault: '' };
      this.records.set(duty.name, record);
    }
    return record;
  }
}
