/** Where the costs come from: the project's own records, a file that was written by an earlier `--measure`, or a measurement now. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { CostCurve } from '../domain/capacity.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';

/**
 * Two shared cores of an AMD EPYC in a virtual machine, Node 20, loopback, one share a write: `npm run bench -- durable-submit`,
 * `fan-out`, `idle-memory`. A core of one's own is up to twice as quick.
 */
export const MEASURED_CURVE: CostCurve = {
  machine: 'AMD EPYC, 2 shared cores of a virtual machine',
  takenAt: '2026-11-27',
  shareMainUs: 11.5,
  shareOtherUs: 4.5,
  sendUs: 7.4,
  databaseShareUs: 2.7,
  idleUsPerSecond: 20_000,
  processBytes: 200 * 2 ** 20,
  minerBytes: 8 * 1024,
};

const positive = z.number().positive().finite();
const curveSchema = z.strictObject({
  machine: z.string(),
  takenAt: z.string(),
  shareMainUs: positive,
  shareOtherUs: positive,
  sendUs: positive,
  databaseShareUs: positive,
  idleUsPerSecond: z.number().min(0).finite(),
  processBytes: positive,
  minerBytes: positive,
});

/** @throws EdgeError SLUICE_OPTION_INVALID for what `sluice capacity --measure --save` did not write */
export function readCurve(file: string): CostCurve {
  try {
    return curveSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
        : messageOf(error);
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      `--curves ${file}: ${reason}`,
      '`sluice capacity --measure --save FILE` writes one',
    );
  }
}
