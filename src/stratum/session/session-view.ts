/** What a session shows to other rooms. */
import type { DifficultyLog2 } from '../../domain/target.ts';
import type { Dialect } from '../protocol/dialects.ts';
import type { SocketAdapter } from '../socket/socket-adapter.ts';
import type { ResponseTimes } from './response-times.ts';

/** What other rooms may know of a session: for statistics. Valid during the call that shows it. */
export interface SessionView {
  readonly slot: number;
  /** How often the slot was used: with it the name of this connection. */
  readonly generation: number;
  readonly portIndex: number;
  readonly remoteAddress: string;
  readonly address: string;
  readonly worker: string;
  readonly userAgent: string;
  readonly dialect: Dialect;
  /** The same for the same (address, worker). */
  readonly workerRef: number;
  readonly difficultyLog2: DifficultyLog2;
  readonly connectedAtMs: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Sum of the difficulties that accepted shares were credited at. */
  readonly creditedDifficulty: number;
  /** Monotonic ms, as coarse as a turn; 0 = none yet. */
  readonly lastShareAtMs: number;
  readonly times: ResponseTimes;
  /** Its socket; unsent bytes are what it has not read. */
  readonly adapter: Pick<SocketAdapter, 'backlogBytes'> | undefined;
  /** Monotonic ms since when some have lain there; NaN = none do. */
  readonly unreadSinceMs: number;
}
