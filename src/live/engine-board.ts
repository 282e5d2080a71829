/** One engine as its readers have it: board, roster and last report, put together. In flow rows and arrivals, out flow LiveWorkers. */
import { VERDICTS } from '../domain/share.ts';
import { difficultyNumber } from '../domain/target.ts';
import type { LiveDiary, LiveDiaryEvent, LiveWorker } from './engine-feed.ts';
import type { EngineReport } from './engine-report.ts';
import { type BoardRow, type LiveBoard, newBoardRow } from './live-board.ts';
import { type Arrival, type Crowd, Roster } from './roster.ts';

/** A connection, by slot and generation. */
export interface LiveConnection {
  readonly slot: number;
  readonly generation: number;
}

/** A diary as an engine's main thread knows it: how the connection is called, its readers know. */
export interface SlotDiary extends LiveConnection {
  readonly secondsConnected: number;
  readonly difficultyLog2: number;
  readonly roundTripMs?: number;
  readonly events: readonly LiveDiaryEvent[];
}

interface Found {
  readonly arrival: Arrival;
  readonly row: BoardRow;
}

export class EngineBoard {
  readonly instance: string;
  readonly board: LiveBoard;
  readonly roster: Roster;
  report: EngineReport | undefined;
  #tick = 0;

  constructor(instance: string, board: LiveBoard, crowd: Crowd) {
    this.instance = instance;
    this.board = board;
    this.roster = new Roster(crowd);
  }

  /** Walks over what was written since the last time: who left is taken off. Gives the addresses with changes. */
  follow(changed: Set<string>): void {
    const settled = this.board.settledTick;
    this.board.changedSince(this.#tick, 0, (slot) => {
      const arrival = this.roster.at(slot);
      if (arrival === undefined) return true;
      changed.add(arrival.address);
      if (this.board.generationAt(slot) === 0) this.roster.leave(slot);
      return true;
    });
    this.#tick = settled;
  }

  workersOf(address: string): LiveWorker[] {
    return this.#find(address).map(({ arrival, row }) => ({
      instance: this.instance,
      worker: arrival.worker,
      agent: arrival.agent,
      dialect: arrival.dialect,
      portIndex: row.portIndex,
      port: this.#labelOf(row.portIndex),
      difficulty: difficultyNumber(row.difficultyLog2),
      connectedAtUnixMs: row.connectedAtUnixMs,
      lastShareAtUnixMs: row.lastShareAtUnixMs,
      accepted: row.accepted,
      rejected: labelled(row.rejected),
      creditedDifficulty: row.creditedDifficulty,
    }));
  }

  /** Connections of an address with their refusals. */
  troublesOf(address: string): { connection: LiveConnection; refused: number }[] {
    return this.#find(address).map(({ arrival: { slot, generation }, row }) => ({
      connection: { slot, generation },
      refused: row.rejected.reduce((sum, count) => sum + count, 0),
    }));
  }

  /** With the names that stand behind it; undefined: it is gone. */
  named(diary: SlotDiary): LiveDiary | undefined {
    const arrival = this.roster.at(diary.slot);
    const row = newBoardRow();
    if (arrival?.generation !== diary.generation || !this.board.read(diary.slot, row)) return undefined;
    const { secondsConnected, difficultyLog2, roundTripMs, events } = diary;
    return {
      instance: this.instance,
      ...{ worker: arrival.worker, agent: arrival.agent, dialect: arrival.dialect },
      ...{ portIndex: row.portIndex, port: this.#labelOf(row.portIndex) },
      ...{ secondsConnected, difficulty: difficultyNumber(difficultyLog2), events },
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
    };
  }

  #find(address: string): Found[] {
    const found: Found[] = [];
    for (const slot of this.roster.slotsOf(address)) {
      const arrival = this.roster.at(slot)!;
      const row = newBoardRow();
      // Another generation: it has left, or what is known of it is on its way.
      if (this.board.read(slot, row) && row.generation === arrival.generation) found.push({ arrival, row });
    }
    return found;
  }

  #labelOf(portIndex: number): string {
    return this.report?.snapshot.ports[portIndex]?.label ?? '';
  }
}

function labelled(rejected: Uint32Array): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code, metricLabel } of VERDICTS)
    if (rejected[code]! > 0) counts[metricLabel] = rejected[code]!;
  return counts;
}
