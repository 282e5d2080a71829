/** The bounds of this room: those of `config/limits` that concern it, and a few that nobody else needs. */
import { LIMITS } from '../../config/limits.ts';

export interface StratumLimits {
  readonly lineBytesMax: number;
  readonly connectionsMax: number;
  readonly loginTimeoutMs: number;
  readonly proxyHeaderTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly malformedLinesMax: number;
  readonly socketBacklogSkipBytes: number;
  readonly socketBacklogCloseBytes: number;
  readonly fanOutSliceMs: number;
  readonly workerNameLengthMax: number;
  readonly unknownHandshakesKept: number;
  readonly unknownHandshakeBytesMax: number;
  readonly unknownShapesRemembered: number;
  readonly unknownQuickDropMs: number;
  readonly unknownQuickDropMemoryMs: number;
  /** How long a released extranonce rests: the life of a job. */
  readonly extranonceRestMs: number;
  /** One sweep looks at every connection for time-outs; a time-out is late by so much at most. */
  readonly sweepIntervalMs: number;
  /** From our goodbye to the hard end, for peers that do not hang up and answers that do not come. */
  readonly closeLingerMs: number;
  /** Workers a session may have left behind while their shares are being judged: it may log in again, but not in a loop. */
  readonly retiredWorkersMax: number;
  /** Connections that may wait to be accepted: a farm that reconnects at once; Node takes one a turn. */
  readonly listenBacklog: number;
  /** At most one log line per kind of fault that a stranger can repeat at will. */
  readonly faultLogIntervalMs: number;
}

export const STRATUM_LIMITS: StratumLimits = {
  lineBytesMax: LIMITS.lineBytesMax,
  connectionsMax: LIMITS.connectionsMax,
  loginTimeoutMs: LIMITS.loginTimeoutMs,
  proxyHeaderTimeoutMs: LIMITS.proxyHeaderTimeoutMs,
  idleTimeoutMs: LIMITS.idleTimeoutMs,
  malformedLinesMax: LIMITS.malformedLinesMax,
  socketBacklogSkipBytes: LIMITS.socketBacklogSkipBytes,
  socketBacklogCloseBytes: LIMITS.socketBacklogCloseBytes,
  fanOutSliceMs: LIMITS.fanOutSliceMs,
  workerNameLengthMax: LIMITS.workerNameLengthMax,
  unknownHandshakesKept: LIMITS.unknownHandshakesKept,
  unknownHandshakeBytesMax: LIMITS.unknownHandshakeBytesMax,
  unknownShapesRemembered: LIMITS.unknownShapesRemembered,
  unknownQuickDropMs: LIMITS.unknownQuickDropMs,
  unknownQuickDropMemoryMs: LIMITS.unknownQuickDropMemoryMs,
  extranonceRestMs: LIMITS.jobLifeMs,
  sweepIntervalMs: 1_000,
  closeLingerMs: 3_000,
  retiredWorkersMax: 8,
  listenBacklog: 4_096,
  faultLogIntervalMs: 10_000,
};
