/** What a miner may ask about one connection of its own: numbers and the diary, as plain data for other rooms. */
import type { DifficultyLog2 } from '../../domain/target.ts';
import type { Diary, DiaryEvent } from './diary.ts';
import type { SessionView } from './session-view.ts';

export interface MinerDiary {
  readonly worker: string;
  readonly userAgent: string;
  readonly dialect: string;
  readonly portIndex: number;
  readonly secondsConnected: number;
  readonly difficultyLog2: DifficultyLog2;
  readonly accepted: number;
  readonly rejected: number;
  /** Absent: not known. */
  readonly roundTripMs?: number;
  readonly notifyToShareMs?: number;
  /** Oldest first. */
  readonly events: readonly (DiaryEvent & { readonly msAgo: number })[];
}

const MS_PER_SECOND = 1_000;

export function minerDiary(session: SessionView, diary: Diary, nowMs: number): MinerDiary {
  const { worker, userAgent, dialect, portIndex, difficultyLog2, accepted, rejected } = session;
  const { roundTripMs, notifyToShareMs } = session.times;
  return {
    ...{ worker, userAgent, portIndex, difficultyLog2, accepted, rejected },
    dialect: dialect.name,
    secondsConnected: Math.round((nowMs - session.connectedAtMs) / MS_PER_SECOND),
    ...(Number.isNaN(roundTripMs) ? {} : { roundTripMs }),
    ...(Number.isNaN(notifyToShareMs) ? {} : { notifyToShareMs }),
    events: diary.read(session.slot).map((event) => ({ ...event, msAgo: Math.round(nowMs - event.atMs) })),
  };
}
