/** The bounds of this room: those of `config/limits` that concern it, and a few that nobody else needs. */
import { LIMITS } from '../../config/limits.ts';
import type { DoorRules } from './fairness/door.ts';
import type { PenaltyRules } from './fairness/penalty.ts';
import { NO_LIMIT, type Rate } from './fairness/token-bucket.ts';

/** What a port allows; a configuration gives every field, a test those that it is about. */
export interface PortLimits extends DoorRules {
  /** Of one session. */
  readonly lines: Rate;
  readonly loginTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Unsent bytes may lie so long without a moment when all had gone. */
  readonly unreadTimeoutMs: number;
  /** Points of the verdict table at which a session is dropped; see `session/conduct`. */
  readonly conductPointsMax: number;
}

export interface StratumLimits {
  readonly lineBytesMax: number;
  readonly connectionsMax: number;
  readonly loginTimeoutMs: number;
  readonly proxyHeaderTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly unreadTimeoutMs: number;
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
  /** Connections at once that are told why they may not stay. */
  readonly refusalsMax: number;
  /** What they have to ask something in, so that there is something to answer. */
  readonly refusalTimeoutMs: number;
  readonly addressesMax: number;
  /** How long who sends more lines than it may is only slowed down. */
  readonly lineFloodMs: number;
  /** Of addresses, and of rigs. */
  readonly penalties: PenaltyRules;
}

export const STRATUM_LIMITS: StratumLimits = {
  lineBytesMax: LIMITS.lineBytesMax,
  connectionsMax: LIMITS.connectionsMax,
  loginTimeoutMs: LIMITS.loginTimeoutMs,
  proxyHeaderTimeoutMs: LIMITS.proxyHeaderTimeoutMs,
  handshakeTimeoutMs: LIMITS.handshakeTimeoutMs,
  idleTimeoutMs: LIMITS.idleTimeoutMs,
  unreadTimeoutMs: LIMITS.unreadTimeoutMs,
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
  refusalsMax: 256,
  refusalTimeoutMs: 2_000,
  addressesMax: LIMITS.addressesMax,
  lineFloodMs: LIMITS.lineFloodMs,
  penalties: {
    pointsMax: LIMITS.faultPointsMax,
    pointFadesMs: 1_000,
    firstWaitMs: LIMITS.firstWaitMs,
    longestWaitMs: LIMITS.longestWaitMs,
    strikeFadesMs: LIMITS.longestWaitMs,
  },
};

/** What is not given: no limit, or the room's own. */
export function portLimitsOf(given: Partial<PortLimits> | undefined, room: StratumLimits): PortLimits {
  return {
    connectionsPerAddress: Number.POSITIVE_INFINITY,
    connectsPerAddress: NO_LIMIT,
    connects: NO_LIMIT,
    unlimitedFrom: [],
    lines: NO_LIMIT,
    loginTimeoutMs: room.loginTimeoutMs,
    idleTimeoutMs: room.idleTimeoutMs,
    unreadTimeoutMs: room.unreadTimeoutMs,
    conductPointsMax: Number.POSITIVE_INFINITY,
    ...given,
  };
}

/** For visitors whom no limit on numbers concerns; time-outs do. */
export function withoutNumbers(limits: PortLimits): PortLimits {
  return { ...limits, lines: NO_LIMIT, conductPointsMax: Number.POSITIVE_INFINITY };
}
