/** SEAM of the flow cases: a running stratum server that can be loaded and whose costs can be read. */
import type { Memory } from './process-usage.ts';

export type ServerName = 'engine' | 'naive' | 'limit';

export interface ServerUnderTest {
  readonly name: ServerName;
  readonly port: number;
  readonly pid: number;
  /** What a reader of its figures must know; '' = nothing. */
  readonly note: string;
  /** CPU of its process, all threads, since it began. */
  cpuUs(): number;
  /** Of its main thread alone. */
  mainCpuUs(): number;
  /** CPU of the PostgreSQL behind it; shown beside the other, never added to it. */
  databaseCpuUs(): number;
  memory(): Memory;
  /** Resolves when all work that its answers left behind is done: for the engine, when the database has every share. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}
