/**
 * `npm run test:fuzz -- [--lines N] [--socket-lines N] [--seed S]`: hostile lines in process and over sockets. Exit code 0 when nothing
 * threw, every answer was one, nobody was left and memory stayed flat. A tenth of the lines is guided by coverage; what reaches new
 * code there is printed at the end, for the corpus.
 */
import { parseArgs } from 'node:util';
import { seededRandom } from '../../bench/lib/seeded-random.ts';
import { InProcessFuzz } from './in-process.ts';
import { fuzzOverSockets } from './over-sockets.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '5000000' },
    'socket-lines': { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
});
const [lines, socketLines, seed] = [values.lines, values['socket-lines'], values.seed].map(Number);
if (![lines, socketLines, seed].every((value) => Number.isInteger(value) && value! >= 0)) {
  say('--lines, --socket-lines and --seed take whole numbers');
  process.exit(2);
}
// Most lines are no JSON, and half of what their errors cost is the stack that nobody looks at.
Error.stackTraceLimit = 3;

const GUIDED_PART = 0.1;
/** Of the whole run: caches that are bounded may fill. */
const HEAP_GROWN_MAX = 32 * 2 ** 20;
const faults: string[] = [];

for (const guided of [true, false]) {
  const fuzz = new InProcessFuzz();
  await fuzz.open();
  const part = Math.round(lines! * (guided ? GUIDED_PART : 1 - GUIDED_PART));
  const startedMs = performance.now();
  const report = await fuzz.run(part, seededRandom(seed! + Number(guided)), guided);
  faults.push(...report.faults, ...(await fuzz.close()));
  if (report.heapGrownBytes > HEAP_GROWN_MAX) faults.push(`the heap grew by ${report.heapGrownBytes} bytes`);
  say(
    `${guided ? 'guided by coverage' : 'in process'}: ${report.lines} lines, ${report.connections} connections, ${report.answers} answers, ` +
      `heap ${(report.heapGrownBytes / 2 ** 20).toFixed(1)} MiB more, ${((performance.now() - startedMs) / 1_000).toFixed(1)} s` +
      (guided ? `, ${report.seedsFound.length} lines in groups that reached new code` : ''),
  );
}
const report = await fuzzOverSockets(socketLines!, seededRandom(seed!));
faults.push(...report.faults);
say(
  `over sockets: ${report.lines} lines, ${report.connections} connections, ${report.answers} answers, ` +
    `${report.honestAnswers} honest requests answered`,
);
for (const fault of faults.slice(0, 50)) say(`FAULT: ${fault}`);
say(`faults=${faults.length}`);
process.exit(faults.length === 0 ? 0 : 1);
