import { expect, it } from 'vitest';
import type { CrashPoint } from '../../src/payout/crash-points.ts';
import { runMoneyKillRounds } from './kill-rounds.ts';

/** All points, and database, node and lead as victims: `npm run test:money-kill -- --rounds 200`. */
const POINTS: readonly CrashPoint[] = [
  ...(['after-plan', 'after-sign', 'after-store-broadcast', 'after-send', 'after-resend'] as const),
  ...(['after-reorganised', 'after-confirm', 'after-conflict', 'after-consolidation'] as const),
];

it('pays everybody once, and all of it, wherever the payer is killed', { timeout: 300_000 }, async () => {
  const report = await runMoneyKillRounds({ rounds: POINTS.length, seed: 7, points: POINTS });
  const { double, missing, stuck, faults } = report;
  expect({ double, missing, stuck, faults }).toEqual({ double: 0, missing: 0, stuck: 0, faults: [] });
  expect(Object.keys(report.kills)).toEqual(POINTS.map((point) => `payer ${point}`));
  expect(report.payments).toBeGreaterThan(POINTS.length * 3);
});
