/** `sluice capacity`: how many miners this machine carries, what ends first, what to plan for. */
import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Capacity, type CostCurve, capacityOf, type Demand, type Resource } from '../domain/capacity.ts';
import { MEASURED_CURVE, readCurve } from './capacity-curve.ts';
import { measureCurve } from './capacity-measure.ts';
import { type MachineLimits, machineLimits } from './machine-limits.ts';

interface Given {
  readonly jobsPerSecond: number;
  readonly sharesPerMinute: number;
  readonly miners?: number;
  readonly bandwidth?: number;
  readonly cores?: number;
  readonly memory?: number;
  readonly measure?: boolean;
  readonly seconds: number;
  readonly save?: string;
  readonly curves?: string;
  readonly json?: boolean;
}

const GIBIBYTE = 2 ** 30;
const GIGABYTE = 1e9;
const MEGABIT = 1e6;

const WHAT_ENDS: Readonly<Record<Resource, string>> = {
  'main thread': 'the main thread, which all sockets go through: more edges are the way on',
  cores: 'the cores: the engine, its threads and PostgreSQL together',
  memory: 'the memory',
  descriptors: 'the descriptors of a process: raise LimitNOFILE, or `ulimit -n`',
  extranonces: 'the two bytes of extranonce: more edges, each has its own',
  bandwidth: 'the uplink',
};

function between(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(`expected a number from ${min} to ${max}`);
    return value;
  };
}

export function addCapacityVerb(program: Command): void {
  program
    .command('capacity')
    .description('how many miners a machine carries, what ends first, and what to plan (docs/CAPACITY.md)')
    .addOption(new Option('--jobs-per-second <n>', 'to each miner').default(4).argParser(between(0.05, 100)))
    .addOption(
      new Option('--shares-per-minute <n>', 'of each miner').default(20).argParser(between(0.01, 1e5)),
    )
    .addOption(new Option('--miners <n>', 'plan for so many, here or elsewhere').argParser(between(1, 1e8)))
    .addOption(new Option('--bandwidth <mbit>', 'of the uplink, in Mbit/s').argParser(between(0.1, 1e6)))
    .addOption(new Option('--cores <n>', "instead of this machine's").argParser(between(1, 4096)))
    .addOption(new Option('--memory <gib>', "instead of this machine's").argParser(between(0.25, 1e5)))
    .option('--measure', 'measure what things cost on this machine, in half a minute')
    .addOption(
      new Option('--seconds <s>', 'of each part of the measurement').default(6).argParser(between(1, 600)),
    )
    .option('--save <file>', 'keep the measured costs')
    .option('--curves <file>', 'costs that were kept')
    .option('--json', 'everything, as JSON')
    .action(async (given: Given) => {
      process.exitCode = await runCapacity(given);
    });
}

async function runCapacity(given: Given): Promise<number> {
  const curve = await curveFor(given);
  const own = machineLimits();
  const machine = {
    ...own,
    cores: Math.floor(given.cores ?? own.cores),
    memoryBytes: given.memory === undefined ? own.memoryBytes : given.memory * GIBIBYTE,
    ...(given.bandwidth === undefined ? {} : { bitsPerSecond: given.bandwidth * MEGABIT }),
  };
  const { jobsPerSecond, sharesPerMinute, miners } = given;
  const demand: Demand = {
    ...{ jobsPerSecond, sharesPerMinute },
    ...(miners === undefined ? {} : { miners: Math.floor(miners) }),
  };
  const capacity = capacityOf(curve, machine, demand);
  const text = given.json
    ? `${JSON.stringify({ machine, demand, curve, capacity: finite(capacity) }, null, 2)}\n`
    : capacityText(curve, machine, demand, capacity);
  process.stdout.write(text);
  return 0;
}

async function curveFor({ measure, seconds, save, curves }: Given): Promise<CostCurve> {
  if (curves !== undefined) return readCurve(curves);
  if (!measure) return MEASURED_CURVE;
  const curve = await measureCurve(seconds, (text) => process.stderr.write(`measuring: ${text}\n`));
  if (save !== undefined) writeFileSync(save, `${JSON.stringify(curve, null, 2)}\n`);
  return curve;
}

/** JSON has no infinity: what was not asked about is left out. */
function finite(capacity: Capacity): object {
  const known = Object.entries(capacity.oneProcess).filter(([, miners]) => Number.isFinite(miners));
  return { ...capacity, oneProcess: Object.fromEntries(known) };
}

const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const oneDigit = (value: number): string => (value >= 100 ? count(value) : value.toFixed(1));

function capacityText(curve: CostCurve, machine: MachineLimits, demand: Demand, capacity: Capacity): string {
  const { plan } = capacity;
  const limits = Object.entries(capacity.oneProcess)
    .filter(([, miners]) => Number.isFinite(miners))
    .map(([resource, miners]) => `  ${resource.padEnd(12)} ${count(miners).padStart(12)} miners`);
  return `${[
    `Costs: ${curve.machine}, ${curve.takenAt.slice(0, 10)}: ${curve.sendUs.toFixed(1)} us a job to one miner, ${(curve.shareMainUs + curve.shareOtherUs).toFixed(1)} us a durable share.`,
    `Here: ${machine.cpu}, ${machine.cores} cores, ${oneDigit(machine.memoryBytes / GIBIBYTE)} GiB, ${count(machine.openFiles)} descriptors a process.`,
    `Asked: ${demand.jobsPerSecond} jobs/s to each miner, ${demand.sharesPerMinute} shares/min of each; no core busier than 70 %.`,
    '',
    'One engine process would carry, by each of these alone:',
    ...limits,
    `so ${count(capacity.minersOfOneProcess)} miners. First to end: ${WHAT_ENDS[capacity.endsFirst]}.`,
    '',
    `This machine, with ${capacity.processesOfMachine} ${capacity.processesOfMachine === 1 ? 'process' : `processes (serve --edges ${capacity.processesOfMachine})`}: ${count(capacity.minersOfMachine)} miners. Then ends: ${WHAT_ENDS[capacity.machineEndsFirst]}.`,
    '',
    `Plan for ${count(plan.miners)} miners${plan.fits ? '' : ', which is more than this machine carries'}:`,
    `  processes    ${count(plan.processes)}`,
    `  cores        ${count(plan.cores)} like these, PostgreSQL included`,
    `  memory       ${oneDigit(plan.memoryBytes / GIBIBYTE)} GiB, the kernel's buffers included`,
    `  network      ${oneDigit(plan.bitsOutPerSecond / MEGABIT)} Mbit/s out, ${oneDigit(plan.bitsInPerSecond / MEGABIT)} in`,
    `  journal      ${oneDigit(plan.journalBytesPerDay / GIGABYTE)} GB a day`,
    `  PostgreSQL   ${count(plan.rowsPerDay)} rows a day`,
    ...(curve === MEASURED_CURVE
      ? [
          '',
          'These costs are of another machine than yours, perhaps: `sluice capacity --measure` takes yours.',
        ]
      : []),
  ].join('\n')}\n`;
}
