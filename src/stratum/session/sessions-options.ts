/** What the slab of sessions is made with, and whom it calls. */
import type { ExtranonceBytes, ExtranoncePool } from '../../domain/extranonce.ts';
import type { Door } from '../fairness/door.ts';
import type { LoginPenalties } from '../fairness/login-penalties.ts';
import type { LineFate } from '../socket/line-framer.ts';
import type { PortLimits, StratumLimits } from '../stratum-limits.ts';
import type { CloseReason, StratumMetrics } from '../stratum-metrics.ts';
import type { ChunkTimes } from './chunk-times.ts';
import type { Diary } from './diary.ts';
import type { FanOut } from './fan-out.ts';
import type { RefusalCounts } from './refusal-counts.ts';
import type { Session } from './session.ts';

/** The journal's register of (address, worker), as far as sessions need it. */
export interface WorkerRegistry {
  acquireWorker(address: string, workerName: string): number;
  releaseWorker(workerRef: number): void;
}

export interface SessionsOptions {
  readonly limits: StratumLimits;
  /** By port. */
  readonly portLimits: readonly PortLimits[];
  readonly door: Door;
  readonly loginPenalties: LoginPenalties;
  readonly diary: Diary;
  readonly refusals: RefusalCounts;
  readonly metrics: StratumMetrics;
  readonly clock: () => number;
  readonly chunkTimes: ChunkTimes;
  readonly workers: WorkerRegistry;
  /** By port. */
  readonly extranonces: readonly ExtranoncePool[];
  readonly extranonceBytes: readonly ExtranonceBytes[];
  /** By port. */
  readonly fanOuts: readonly FanOut[];
  readonly handleLine: (session: Session, buffer: Buffer, start: number, end: number) => LineFate;
  /** For the log: a connection was ended for a fault of the other side. */
  readonly onFault: (session: Session, reason: CloseReason) => void;
  /** Of every authorized session, once a sweep. */
  readonly onSwept: (session: Session, nowMs: number) => void;
  /** Of every connection that ended, while the session still has all that it had. */
  readonly onClosed: (session: Session, reason: CloseReason) => void;
  /** The slot is free from now on; all that it was asked has been answered. */
  readonly onRetiring: (session: Session) => void;
}
