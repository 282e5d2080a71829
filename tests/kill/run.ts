/** `npm run test:kill -- --rounds N [--seed S]`: exit code 0 when nothing was lost, nothing doubled and all records agree. */
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/kit/edge-error.ts';
import { runKillRounds } from './kill-rounds.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, seed: { type: 'string' } },
});
const rounds = Number(values.rounds);
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
if (!(Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seed))) {
  say('--rounds and --seed take whole numbers');
  process.exit(2);
}
say(`kill test: ${rounds} rounds, seed ${seed}`);
try {
  const report = await runKillRounds({ rounds, seed, onRound: say });
  const { miner } = report;
  say(
    `sent ${miner.sent}, rejected ${JSON.stringify(miner.rejectedByCode)}, unanswered ${miner.unanswered}, ` +
      `journalled ${report.journalled}, blocks ${report.blocks}, database kills ${report.databaseKills}, ` +
      `violations ${JSON.stringify(miner.violations)}, ${report.seconds.toFixed(0)} s`,
  );
  for (const fault of report.faults) say(`FAULT: ${fault}`);
  if (!report.ok) say(`everything is left in ${report.folder}`);
  say(
    `rounds=${report.rounds} acknowledged=${report.acknowledged} lost=${report.lost} doubled=${report.doubled}`,
  );
  process.exit(report.ok ? 0 : 1);
} catch (error) {
  say(`FAULT: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
  process.exit(1);
}
