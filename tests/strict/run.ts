/** `npm run test:strict -- --minutes N`: exit code 0 when the eight strict clients saw no fault, no refusal and no hang-up. */
import { parseArgs } from 'node:util';
import { messageOf } from '../../src/kit/edge-error.ts';
import { openStrictRig, runStrict } from './strict-run.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, 'per-client': { type: 'string', default: '1' } },
});
const minutes = Number(values.minutes);
const perClient = Number(values['per-client']);
if (!(minutes > 0 && Number.isInteger(perClient) && perClient > 0)) {
  say('--minutes takes a number above 0, --per-client a whole one');
  process.exit(2);
}
try {
  const rig = await openStrictRig();
  const { miner, templatesPerSecond, ok } = await runStrict(rig, minutes * 60, perClient, say);
  await rig.close();
  for (const { client, expected, seen } of miner.firstFaults)
    say(`FAULT ${client}: expected ${expected}, saw ${seen}`);
  say(
    `connections=${miner.connections} seconds=${miner.seconds.toFixed(0)} templates/s=${templatesPerSecond.toFixed(1)} ` +
      `jobs=${miner.jobsReceived} sent=${miner.sent} accepted=${miner.accepted} refused=${miner.rejected} ` +
      `unanswered=${miner.unanswered} faults=${miner.faults} disconnects=${miner.reconnects} ` +
      `violations=${JSON.stringify(miner.violations)}`,
  );
  process.exit(ok ? 0 : 1);
} catch (error) {
  say(`FAULT: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`);
  process.exit(1);
}
