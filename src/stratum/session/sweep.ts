/**
 * What the sweep finds wrong with a session: time-outs of every kind. One walk for all once a second instead of a timer each: 60,000
 * sessions take some milliseconds. A clock that steps back finds nobody guilty.
 */
import type { PortLimits, StratumLimits } from '../stratum-limits.ts';
import type { CloseReason } from '../stratum-metrics.ts';
import { type Session, SessionState } from './session.ts';

/** Why the session must be closed at once; undefined = it may stay. */
export function faultOf(
  session: Session,
  nowMs: number,
  isHeld: boolean,
  port: PortLimits,
  room: StratumLimits,
): CloseReason | undefined {
  switch (session.state) {
    case SessionState.Connected:
    case SessionState.Subscribed:
      if (nowMs - session.connectedAtMs > port.loginTimeoutMs) return 'login_timeout';
      break;
    case SessionState.Authorized:
      if (nowMs - session.heardAtMs > port.idleTimeoutMs && session.pending === 0 && !isHeld) return 'idle';
      break;
    case SessionState.Closing:
      return nowMs - session.closingSinceMs > room.closeLingerMs
        ? (session.closeReason ?? 'client')
        : undefined;
  }
  if (unreadMs(session, nowMs) > port.unreadTimeoutMs) return 'slow_reader';
  return session.lines.waitingMs(nowMs) > room.lineFloodMs ? 'line_flood' : undefined;
}

/** How long bytes have lain unsent. A peer that reads at all has an empty backlog again and again: jobs are not heaped on it. */
function unreadMs(session: Session, nowMs: number): number {
  if (session.adapter?.backlogBytes === 0) session.unreadSinceMs = Number.NaN;
  else if (!(nowMs >= session.unreadSinceMs)) session.unreadSinceMs = nowMs;
  return nowMs - session.unreadSinceMs || 0;
}
