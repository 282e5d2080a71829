/** SEAM: the stratum room as other rooms know it. */
import type { ReplySink, ShareIntake } from '../validation/intake.ts';
import type { Ban } from './fairness/ban.ts';
import type { JobAnnouncement } from './protocol/job-lines.ts';
import type { MinerDiary } from './session/miner-diary.ts';
import type { SessionView } from './session/session-view.ts';
import type { Handshake } from './session/unknown-clients.ts';
import type { SocketAdapter, SocketEvents } from './socket/socket-adapter.ts';
import type { PortLimits } from './stratum-limits.ts';
import type { CloseReason } from './stratum-metrics.ts';

export interface Stratum {
  /** For validation, which needs it before the ports open. */
  readonly replySink: ReplySink;
  /** Opens all ports or none. Rejects with an EdgeError. */
  open(intake: ShareIntake): Promise<{ port: number }[]>;
  /** A connection that no listener of ours took: from another adapter, or from a test. Undefined: refused and destroyed. */
  connect(adapter: SocketAdapter, portIndex: number): SocketEvents | undefined;
  /** Sends the job to all miners of the port and to those that come. False: no client could read this job, skip the template. */
  announce(portIndex: number, job: JobAnnouncement): boolean;
  sessionCount(): number;
  authorizedCount(): number;
  /** Sessions with lines that were read while validation was full, and have not been taken yet. */
  heldCount(): number;
  forEachSession(visit: (view: SessionView) => void): void;
  /** The same in slices of so many slots: returns where to go on, 0 at the end. Who comes meanwhile may be missed, nobody is seen twice. */
  visitSlice(from: number, slots: number, visit: (view: SessionView) => void): number;
  /** Refused submissions of the session on that slot since it connected, by verdict. */
  readRefusals(slot: number, into: Uint32Array): void;
  /**
   * Tells `onRefusals` what was refused since the last time, of so many slots; returns where to go on, 0 at the end. Those that leave
   * are told as they go.
   */
  tellRefusals(from: number, slots: number): number;
  /** Why was I refused? Of all connections of the address, or of one worker of it. */
  diariesOf(address: string, worker?: string): MinerDiary[];
  /** The same of one connection, if it is there still. */
  diaryOf(slot: number, generation: number): MinerDiary | undefined;
  /** From now on these, and no others; connections of who is banned end. */
  setBans(bans: readonly Ban[]): void;
  /** Connections ended since the start, by reason. */
  closes(): Readonly<Record<CloseReason, number>>;
  /** By port, from now on. */
  setPortLimits(limits: readonly Partial<PortLimits>[]): void;
  /** First lines of clients that no dialect row knows, one per user agent: what a new row is made of. */
  unknownHandshakes(): readonly Handshake[];
  /** Nothing is read any more; what was, is still taken (see `heldCount`), and answers that are owed still go out. */
  stopAccepting(): void;
  /** Says goodbye to all and resolves when the last socket is gone, `closeLingerMs` from now at the latest. */
  close(): Promise<void>;
}
