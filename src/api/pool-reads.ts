/**
 * SEAM: everything that a page or the JSON interface can ask. Routes, pages and live topics know only this. Two sources stand behind it:
 * the database (through the ledger's room) and what engines tell; neither may make an answer wait for long.
 *
 * Rejections are `ReadUnavailable`: the source is away or slow. undefined = there is no such thing.
 */
import type { PageOf, PageQuery, Range } from './schemas/field.ts';
import type {
  MinerPayment,
  MinerReward,
  MinerSeries,
  MinerView,
  Refusals,
  WorkerView,
} from './schemas/miner.ts';
import type { BlockRow, PayoutRow, PoolSeries, PoolView } from './schemas/pool.ts';

export class ReadUnavailable extends Error {}
/** The cursor is none of ours: 400, not 404. */
export class CursorInvalid extends Error {}

export interface AmountRow {
  readonly address: string;
  readonly sompi: string;
}

export interface PoolReads {
  /** What was published last; never waits. */
  pool(): PoolView;
  poolSeries(range: Range): Promise<PoolSeries>;
  blocks(page: PageQuery): Promise<PageOf<BlockRow>>;
  block(hash: string): Promise<BlockRow | undefined>;
  /** The settlement as a document that `sluice verify reward` recomputes: JSON text. */
  settlement(id: string): Promise<string | undefined>;
  payouts(page: PageQuery): Promise<PageOf<PayoutRow>>;
  /** What accounts are owed, free or on its way; those with nothing left out. By address. */
  balances(page: PageQuery): Promise<PageOf<AmountRow>>;
  /** What accounts were credited ever. By address. */
  totals(page: PageQuery): Promise<PageOf<AmountRow>>;
  /** @param address canonical, of this network */
  miner(address: string): Promise<MinerView | undefined>;
  /** Most trouble first. */
  workers(address: string, page: PageQuery): Promise<PageOf<WorkerView> | undefined>;
  minerSeries(address: string, range: Range): Promise<MinerSeries | undefined>;
  minerPayments(address: string, page: PageQuery): Promise<PageOf<MinerPayment> | undefined>;
  minerRewards(address: string, page: PageQuery): Promise<PageOf<MinerReward> | undefined>;
  refusals(address: string): Promise<Refusals | undefined>;
}
