/**
 * How long submissions take on each stretch of their way. Rooms record, once per batch or turn where they can, with the number of
 * shares that it was for; read, queue, hash, journal and reply follow on each other without a gap.
 *
 *   stage     from                                                  to                                              who is counted
 *   read      the first submission of a turn of the loop is taken   all sockets of that turn are read               every submission
 *   parse     a socket hands over a chunk of bytes                  its last line is taken (lies within read)       one chunk in 16
 *   queue     the turn is read                                      judging begins; with threads the way there      every submission
 *                                                                   and back as well
 *   hash      judging of its batch begins                           all of the batch is judged                      every submission
 *   journal   its verdict is known                                  the main thread knows of the fdatasync          accepted shares
 *   reply     that                                                  its answer is handed to the kernel              accepted shares
 *   commit    it was read                                           its row is committed in PostgreSQL              accepted shares
 *
 * It costs 0.34 us a turn of the main thread, clocks included, and 2 ns a share (alone on a core of two busy ones); a record 13 ns, of
 * HdrHistogram 46 (bench case hdr-record).
 *
 * How long bytes lie in the kernel before the loop gets to them, nobody here can know; the delay of the loop says it.
 */
import { LATENCY_RECORD_BYTES, LatencyRecord, LatencyWindow } from '../kit/latency-record.ts';
import { LatencyFamily, type Registry } from '../kit/metrics.ts';
import { STAGES, type Stage, type StageView } from './engine-report.ts';

/** The window is a minute, to five seconds. */
export const WINDOW_TURNS = 12;
export const WINDOW_TURN_MS = 5_000;
const QUANTILES = [0.5, 0.9, 0.99, 0.999] as const;

export class StageLatencies {
  readonly read = new LatencyRecord();
  readonly parse = new LatencyRecord();
  readonly queue = new LatencyRecord();
  readonly hash = new LatencyRecord();
  readonly journal = new LatencyRecord();
  readonly reply = new LatencyRecord();
  /** Filled by the loader's thread. */
  readonly commit: LatencyRecord;
  readonly commitMemory = new SharedArrayBuffer(LATENCY_RECORD_BYTES);
  #windows: Readonly<Record<Stage, LatencyWindow>> | undefined;

  constructor() {
    this.commit = new LatencyRecord(this.commitMemory);
  }

  register(registry: Registry): void {
    const { read, parse, queue, hash, journal, reply, commit } = this;
    new LatencyFamily(
      registry,
      {
        name: 'sluice_stage_seconds',
        help: 'Time of submissions on each stage of their way; `parse` of one chunk in 16, `commit` from reading to the row in PostgreSQL.',
      },
      'stage',
      { read, parse, queue, hash, journal, reply, commit },
    );
  }

  /** Every WINDOW_TURN_MS. */
  turn(): void {
    const windows = this.#opened();
    for (const stage of STAGES) windows[stage].turn();
  }

  /** Of the last minute. */
  views(): StageView[] {
    const windows = this.#opened();
    return STAGES.map((stage) => {
      const { count, atMs, maxMs } = windows[stage].quantiles(QUANTILES);
      const [p50Ms, p90Ms, p99Ms, p999Ms] = atMs as [number, number, number, number];
      return { stage, count, p50Ms, p90Ms, p99Ms, p999Ms, maxMs };
    });
  }

  /** 90 kB a stage, for those who look. */
  #opened(): Readonly<Record<Stage, LatencyWindow>> {
    this.#windows ??= Object.fromEntries(
      STAGES.map((stage) => [stage, new LatencyWindow(this[stage], WINDOW_TURNS)]),
    ) as Record<Stage, LatencyWindow>;
    return this.#windows;
  }
}
