/**
 * The engine's live facts, from the rooms that have them to the API thread: once a second a pass over the sessions fills the board and
 * tells who logged in. Wiring and a clock; the pass itself is `live/board-filler`.
 */
import { LIMITS } from '../../config/limits.ts';
import type { ApiHandle } from '../api/api-client.ts';
import type { LiveSource } from '../api/live-desk.ts';
import { BoardFiller } from '../live/board-filler.ts';
import type { LiveConnection, SlotDiary } from '../live/engine-board.ts';
import type { EngineInside } from '../live/engine-report.ts';
import { LiveBoard } from '../live/live-board.ts';
import type { MinerDiary, Stratum } from '../stratum/stratum-server.ts';
import type { EngineClocks } from './ledger-desk.ts';

export interface LivePulseOptions extends EngineClocks {
  readonly instance: string;
  /** Of the live socket; '' = none. */
  readonly directory: string;
  readonly stratum: Pick<Stratum, 'visitSlice' | 'readRefusals' | 'diaryOf'>;
  readonly inside: () => EngineInside;
}

const PASS_INTERVAL_MS = 1_000;

export class LivePulse {
  readonly #options: LivePulseOptions;
  readonly #board = new LiveBoard(LIMITS.connectionsMax);
  readonly #filler: BoardFiller;
  #api: ApiHandle | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LivePulseOptions) {
    this.#options = options;
    const { stratum, clock, wallClock } = options;
    this.#filler = new BoardFiller({
      board: this.#board,
      visitSlice: (from, slots, visit) => stratum.visitSlice(from, slots, visit),
      readRefusals: (slot, into) => stratum.readRefusals(slot, into),
      onArrived: (arrivals) => this.#api?.arrived(arrivals),
      clock,
      wallClock,
    });
  }

  /** As of the last second. */
  get counts(): BoardFiller['counts'] {
    return this.#filler.counts;
  }

  source(): LiveSource {
    const { instance, directory, inside } = this.#options;
    const { buffer, capacity } = this.#board;
    return {
      ...{ instance, directory, inside, boardBuffer: buffer, capacity },
      diaries: (connections) => this.#diaries(connections),
      onBegun: () => this.#filler.retell(),
    };
  }

  start(api: ApiHandle): void {
    this.#api = api;
    // Whoever was met before it was there to be told.
    this.#filler.retell();
    void this.#filler.pass();
    this.#timer = setInterval(() => void this.#filler.pass(), PASS_INTERVAL_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #diaries(connections: readonly LiveConnection[]): SlotDiary[] {
    return connections.flatMap(({ slot, generation }) => {
      const diary = this.#options.stratum.diaryOf(slot, generation);
      return diary === undefined ? [] : [slotDiary({ slot, generation }, diary)];
    });
  }
}

function slotDiary(connection: LiveConnection, diary: MinerDiary): SlotDiary {
  const { secondsConnected, difficultyLog2, roundTripMs, events } = diary;
  return {
    ...connection,
    ...{ secondsConnected, difficultyLog2 },
    ...(roundTripMs === undefined ? {} : { roundTripMs }),
    events: events.map(({ atMs: _, ...event }) => event),
  };
}
