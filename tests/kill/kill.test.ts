import { expect, it } from 'vitest';
import { runKillRounds } from './kill-rounds.ts';

/** The seed's plan: a backend, the engine, the engine on its way up, the engine, PostgreSQL. 200 rounds: `npm run test:kill`. */
const ROUNDS = 5;
const SEED = 23;

it('loses no acknowledged share and counts none twice, whoever is killed and whenever', {
  timeout: 120_000,
}, async () => {
  const victims: string[] = [];
  const report = await runKillRounds({ rounds: ROUNDS, seed: SEED, onRound: (line) => victims.push(line) });
  expect(report.faults).toEqual([]);
  expect([report.lost, report.doubled]).toEqual([0, 0]);
  expect(report.acknowledged).toBeGreaterThan(ROUNDS * 100);
  expect(report.miner.violations).toEqual({});
  const wereKilled = (name: string) => victims.some((line) => line.includes(`killed ${name} after`));
  expect([wereKilled('engine'), wereKilled('engine on its way up'), report.databaseKills > 0]).toEqual([
    true,
    true,
    true,
  ]);
});
