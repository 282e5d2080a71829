/** `npm run test:money-sim -- --seeds 1000 [--first 1] [--sabotage NAME]`: exit code 0 when no run of any seed violated anything. */
import { parseArgs } from 'node:util';
import { runSeeds } from './run-seeds.ts';
import { SABOTAGES, type Sabotage } from './sabotage.ts';
import type { RunReport } from './world.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    first: { type: 'string', default: '1' },
    sabotage: { type: 'string' },
  },
});
const [count, first] = [Number(values.seeds), Number(values.first)];
if (!(Number.isInteger(count) && count > 0 && Number.isInteger(first))) {
  say('--seeds and --first take whole numbers');
  process.exit(2);
}
if (values.sabotage !== undefined && !(values.sabotage in SABOTAGES)) {
  say(`--sabotage takes one of: ${Object.keys(SABOTAGES).join(', ')}`);
  process.exit(2);
}

const startedMs = performance.now();
const seconds = (): string => ((performance.now() - startedMs) / 1000).toFixed(0);
let done = 0;
const totals = await runSeeds({
  first,
  count,
  sabotage: values.sabotage as Sabotage | undefined,
  onRun: (report) => {
    if (report.violations.length > 0) tellFailure(report);
    if (++done % 100 === 0) say(`${done} seeds, ${seconds()} s`);
  },
});
say(
  `seeds=${count} payments=${totals.payments} payouts=${totals.payouts} reorgs=${totals.reorgs} (deepest ${totals.deepestReorg} blocks) ` +
    `drops=${totals.drops} timeouts-after-success=${totals.timeoutsAfterSuccess} crashes=${totals.crashes} ` +
    `database-faults=${totals.databaseFaults} leads=${totals.leads} halts=${totals.halts} conflicts=${totals.conflicts} ${seconds()} s`,
);
say(`crashes by point: ${JSON.stringify(totals.crashesAt)}`);
say(`violations=${totals.failed.length}`);
process.exit(totals.failed.length === 0 ? 0 : 1);

function tellFailure({ seed, violations, trace }: RunReport): void {
  say(`FAULT in seed ${seed}; again with: npm run test:money-sim -- --seeds 1 --first ${seed}`);
  for (const violation of violations.slice(0, 8)) say(`  ${violation}`);
  for (const line of trace) say(`    ${line}`);
}
