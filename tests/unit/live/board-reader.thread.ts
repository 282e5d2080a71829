/** Reads a board whose rows say one number in all their fields, and counts rows that say two. */
import { parentPort, workerData } from 'node:worker_threads';
import { LiveBoard, newBoardRow } from '../../../src/live/live-board.ts';

const READ_MS = 1_000;
/** On a busy machine it takes longer. */
const ROWS_MIN = 20_000;

const { buffer, capacity } = workerData as { buffer: SharedArrayBuffer; capacity: number };
const board = new LiveBoard(capacity, buffer);
const row = newBoardRow();
let rows = 0;
let torn = 0;
const untilMs = performance.now() + READ_MS;
while (rows < ROWS_MIN || performance.now() < untilMs) {
  for (let slot = 0; slot < capacity; slot++) {
    if (!board.read(slot, row) || row.generation === 0) continue;
    rows++;
    const said = new Set([
      ...[row.generation, row.portIndex, row.difficultyLog2, row.connectedAtUnixMs],
      ...[row.lastShareAtUnixMs, row.accepted, row.creditedDifficulty, ...row.rejected],
    ]);
    if (said.size > 1) torn++;
  }
}
parentPort!.postMessage({ rows, torn });
