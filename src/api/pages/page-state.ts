/** What the views are drawn from. The server fills it from `PoolReads`, the browser from the JSON interface and the live topics. */

import type { ExplorerTerms } from '../../ledger/views/pool-terms.ts';
import type { PageOf } from '../schemas/field.ts';
import type {
  MinerPayment,
  MinerReward,
  MinerSeries,
  MinerView,
  Refusals,
  WorkerView,
} from '../schemas/miner.ts';
import type { BlockRow, PoolSeries, PoolView } from '../schemas/pool.ts';
import type { Element } from './element.ts';

/** What a visitor chose in "connect a miner": in the query, so that it works without a script and can be sent to a friend. */
export interface ConnectChoice {
  readonly miner: string;
  readonly machine: string;
  readonly port: string;
  readonly address: string;
  readonly rig: string;
}

export interface PageState {
  /** Unix ms by the pool's clock. */
  readonly nowMs: number;
  readonly explorer: ExplorerTerms;
  readonly pool: PoolView;
  readonly choice?: ConnectChoice;
  readonly poolSeries?: PoolSeries;
  readonly blocks?: readonly BlockRow[];
  readonly miner?: MinerView;
  readonly minerSeries?: MinerSeries;
  readonly workers?: PageOf<WorkerView>;
  readonly refusals?: Refusals;
  readonly payments?: PageOf<MinerPayment>;
  readonly rewards?: PageOf<MinerReward>;
  /** Which workers are asked for: '' = all. Text of a visitor. */
  readonly filter?: string;
}

/** A part of a page that is drawn anew when what it shows has changed: name -> view. undefined: not yet known, leave what is there. */
export type Regions = Readonly<Record<string, (state: PageState) => Element | undefined>>;
