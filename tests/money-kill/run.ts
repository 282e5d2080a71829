/** `npm run test:money-kill -- --rounds N [--seed S]`: exit code 0 when everybody was paid, all of it and once. */
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/kit/edge-error.ts';
import { runMoneyKillRounds } from './kill-rounds.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '40' }, seed: { type: 'string' } },
});
const rounds = Number(values.rounds);
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seed))) {
  say('--rounds and --seed take whole numbers');
  process.exit(2);
}
say(`money kill test: ${rounds} rounds, seed ${seed}`);
try {
  const report = await runMoneyKillRounds({ rounds, seed, onRound: say });
  const { double, missing, stuck, faults } = report;
  const isSound = double + missing + stuck + faults.length === 0;
  say(`kills: ${JSON.stringify(report.kills)}`);
  for (const fault of faults) say(`FAULT: ${fault}`);
  if (!isSound) say(`everything is left in ${report.folder}`);
  say(
    `rounds=${rounds} payouts=${report.payouts} payments=${report.payments} double=${double} missing=${missing} stuck=${stuck} ` +
      `faults=${faults.length} ${report.seconds.toFixed(0)} s`,
  );
  process.exit(isSound ? 0 : 1);
} catch (error) {
  say(`FAULT: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
  process.exit(1);
}
