/** A miner's history for a chart: hour and day from the board, longer ones from hours in the database. Out: columns a step apart. */
import type { Database } from '../stores/postgres.ts';
import { headOf, partOf, readAccountHours, readAccountRefusals, type SeriesGrid } from './series-rows.ts';
import { type BoardAccount, SPAN_MINUTES, type WorkBoard } from './work-board.ts';

const SPAN_S = SPAN_MINUTES * 60;

export async function minerSeries(sql: Database, work: WorkBoard, account: BoardAccount, grid: SeriesGrid) {
  const { stepSeconds, steps, fromS } = grid;
  if (grid.range === '7d' || grid.range === '30d') return fromHours(sql, account, grid);
  const hashes =
    grid.range === '1h'
      ? work.minuteSeries(account.slots, fromS / stepSeconds, steps)
      : work.spanSeries(account.slots, fromS / stepSeconds, steps);
  const refusals = await readAccountRefusals(sql, account.id, Math.floor(fromS / SPAN_S) * SPAN_S);
  const rejectedPart = (span: number): number | null =>
    partOf(refusals.get(span * SPAN_S) ?? 0, work.spanShares(account.slots, span));
  return {
    ...headOf(grid),
    hashrate: hashes.map((sum) => (sum === undefined ? null : sum / stepSeconds)),
    // Refusals are counted by ten minutes: all minutes of a span show the same.
    rejectedShare: Array.from({ length: steps }, (_, step) =>
      rejectedPart(Math.floor((fromS + step * stepSeconds) / SPAN_S)),
    ),
  };
}

/** An hour without a row is one without a share. */
async function fromHours(sql: Database, account: BoardAccount, grid: SeriesGrid) {
  const rows = new Map((await readAccountHours(sql, account.id, grid)).map((row) => [row.step, row]));
  const firstStep = Math.floor((Date.parse(account.firstSeenAt) / 1_000 - grid.fromS) / grid.stepSeconds);
  const steps = Array.from({ length: grid.steps }, (_, step) => rows.get(step));
  return {
    ...headOf(grid),
    hashrate: steps.map((row, step) => (step < firstStep ? null : (row?.hashes ?? 0) / grid.stepSeconds)),
    rejectedShare: steps.map((row) => (row ? partOf(row.refused, row.accepted) : null)),
  };
}
