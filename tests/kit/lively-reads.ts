/** A pool in full swing behind `PoolReads`: numbers that move when told to, a farm with trouble, and a miner who means ill. */
import { CursorInvalid, type PoolReads, ReadUnavailable } from '../../src/api/pool-reads.ts';
import type { PageOf, PageQuery, Range } from '../../src/api/schemas/field.ts';
import type { MinerView, Refusals, WorkerView } from '../../src/api/schemas/miner.ts';
import type { PoolView } from '../../src/api/schemas/pool.ts';
import { blocks, FARM, HOSTILE, hex, kas, miner, payouts, poolView, workers } from './lively-figures.ts';

export { FARM, HOSTILE, STRANGER } from './lively-figures.ts';

/** A day of a pool: a wave, some noise, a hole where the database was away. */
const wave = (steps: number, base: number): (number | null)[] =>
  Array.from({ length: steps }, (_, step) => {
    if (step > steps * 0.55 && step < steps * 0.6) return null;
    return base * (1 + 0.18 * Math.sin(step / 17) + 0.05 * Math.sin(step * 1.7));
  });
const STEPS: Readonly<Record<Range, readonly [steps: number, seconds: number]>> = {
  '1h': [60, 60],
  '24h': [144, 600],
  '7d': [168, 3600],
  '30d': [180, 14_400],
};

export class LivelyReads implements PoolReads {
  readonly nowMs: number;
  view: PoolView;
  minerView: MinerView;
  workerViews: WorkerView[];
  away = false;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
    this.view = poolView(nowMs);
    this.workerViews = workers(nowMs);
    this.minerView = miner(nowMs, this.workerViews);
  }

  pool(): PoolView {
    return { ...this.view, at: new Date().toISOString() };
  }

  async poolSeries(range: Range) {
    this.#here();
    const [steps, stepSeconds] = STEPS[range];
    return {
      range,
      stepSeconds,
      from: this.#ago(steps * stepSeconds),
      hashrate: wave(steps, 2.3e15),
      workers: wave(steps, 1203).map((value) => value && Math.round(value)),
      rejectedShare: wave(steps, 0.012),
      blocks: Array.from({ length: steps }, (_, step) => (step % 23 === 5 ? 1 : 0)),
    };
  }

  async minerSeries(address: string, range: Range) {
    this.#here();
    if (address !== FARM) return undefined;
    const [steps, stepSeconds] = STEPS[range];
    const from = this.#ago(steps * stepSeconds);
    return { range, stepSeconds, from, hashrate: wave(steps, 3.1e13), rejectedShare: wave(steps, 0.03) };
  }

  async blocks(page: PageQuery) {
    this.#here();
    return paged(blocks(this.nowMs), page);
  }

  async block(hash: string) {
    return blocks(this.nowMs).find((block) => block.hash === hash);
  }

  async settlement(id: string) {
    return /^\d+$/.test(id) ? JSON.stringify({ settlement: id }) : undefined;
  }

  async payouts(page: PageQuery) {
    this.#here();
    return paged(payouts(this.nowMs), page);
  }

  async balances(page: PageQuery) {
    return paged([{ address: FARM, sompi: kas(71) }], page);
  }

  async totals(page: PageQuery) {
    return paged([{ address: FARM, sompi: kas(8194) }], page);
  }

  async miner(address: string) {
    this.#here();
    return address === FARM ? this.minerView : undefined;
  }

  async workers(address: string, page: PageQuery) {
    return address === FARM ? paged(this.workerViews, page) : undefined;
  }

  async minerPayments(address: string, page: PageQuery) {
    if (address !== FARM) return undefined;
    const items = payouts(this.nowMs).map(({ id, at, state, txid, feeSompi }, index) => ({
      payoutId: id,
      at,
      state,
      txid,
      outputSompi: kas(101.25 + index),
      feeSompi,
    }));
    return paged(items, page);
  }

  async minerRewards(address: string, page: PageQuery) {
    if (address !== FARM) return undefined;
    const items = Array.from({ length: 30 }, (_, index) => ({
      settlementId: String(900 - index),
      at: this.#ago(index * 5400 + 800),
      scheme: 'pplns',
      sharePercent: 1.3 + 0.02 * index,
      creditSompi: kas(3.1 + 0.01 * index),
      feeSompi: kas(0.031),
      donationSompi: '0',
      blocks: [hex(index * 7), hex(index * 7 + 1)],
    }));
    return paged(items, page);
  }

  async refusals(address: string): Promise<Refusals | undefined> {
    if (address !== FARM) return undefined;
    return {
      reasons: [
        {
          verdict: 'stale_job',
          count: 41,
          meaning: 'The share was for a job that had expired when it arrived.',
          remedy:
            'Look at the network between the miner and the pool: the round trip should be below 200 ms.',
        },
        {
          verdict: 'low_difficulty',
          count: 9,
          meaning: 'Its hash was not below the target that the miner was given.',
          remedy:
            'Restart the miner; if it stays, its firmware ignores changes of difficulty: use a fixed port.',
        },
      ],
      connections: [
        {
          worker: HOSTILE,
          agent: 'IceRiverMiner-v1.1',
          dialect: 'asic-hex',
          port: 'small',
          secondsConnected: 5400,
          difficulty: 512,
          roundTripMs: 31,
          events: [
            { secondsAgo: 3, text: 'A share was accepted at difficulty 512.', verdict: null },
            { secondsAgo: 64, text: 'A share came 2.1 s after its job had expired.', verdict: 'stale_job' },
          ],
        },
      ],
    };
  }

  #ago(seconds: number): string {
    return new Date(this.nowMs - seconds * 1000).toISOString();
  }

  #here(): void {
    if (this.away) throw new ReadUnavailable('away');
  }
}

function paged<T>(items: readonly T[], { limit, cursor }: PageQuery): PageOf<T> {
  const from = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isInteger(from)) throw new CursorInvalid('no such place');
  const next = from + limit < items.length ? String(from + limit) : null;
  return { items: items.slice(from, from + limit), next };
}
