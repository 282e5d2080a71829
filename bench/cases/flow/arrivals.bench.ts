/**
 * A farm comes on line: so many connections by the clock from one address, and every miner waits for its first job. Then as many come and
 * go, some at a time, and at the end the engine must know of nobody and have every extranonce back.
 *
 * Loopback is on the list of those without limits, as in every configuration that says nothing else.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Arrival, arrive } from '../../lib/arrival.ts';
import { type CaseContext, type CaseResult, defineCase } from '../../lib/bench-case.ts';
import { type EngineUnderTest, minerAddresses, startEngine } from '../../lib/engine-under-test.ts';
import { JOBS_PER_SECOND } from '../../lib/flow-parameters.ts';

const parameters = {
  arrivals: {
    unit: '',
    text: 'connections that come and stay',
    real: 10_000,
    smoke: 40,
    min: 1,
    max: 15_000,
  },
  within: { unit: 's', text: 'evenly in so long', real: 10, smoke: 0.2, min: 0.1 },
  passers: { unit: '', text: 'that come, log in and leave', real: 10_000, smoke: 40, min: 1, max: 1_000_000 },
  together: { unit: '', text: 'of those at a time', real: 50, smoke: 4, min: 1, max: 1_000 },
  jobsPerSecond: { ...JOBS_PER_SECOND, real: 4 },
};

const TIMEOUT_MS = 10_000;
const SETTLE_MS = 15_000;
const SETTLE_POLL_MS = 100;

/** All that are lent: the metric counts what nobody has. */
const EXTRANONCES = 65_535;

async function arriveByClock(port: number, count: number, withinMs: number): Promise<Arrival[]> {
  const addresses = minerAddresses();
  const startedMs = performance.now();
  const arrivals: Promise<Arrival>[] = [];
  while (arrivals.length < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - startedMs) / withinMs) * count));
    for (let index = arrivals.length; index < due; index++)
      arrivals.push(arrive(port, `${addresses[index % addresses.length]}.rig${index}`, TIMEOUT_MS));
    await delay(5);
  }
  return await Promise.all(arrivals);
}

async function pass(port: number, count: number, together: number): Promise<number> {
  const login = `${minerAddresses()[0]}.passer`;
  let begun = 0;
  let late = 0;
  const lane = async (): Promise<void> => {
    while (begun++ < count) {
      const { firstJobMs, leave } = await arrive(port, login, TIMEOUT_MS);
      if (Number.isNaN(firstJobMs)) late++;
      await leave();
    }
  };
  await Promise.all(Array.from({ length: together }, lane));
  return late;
}

async function metric(engine: EngineUnderTest, name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', engine.httpUrl))).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

async function settled(engine: EngineUnderTest, connections: number): Promise<number> {
  const endMs = performance.now() + SETTLE_MS;
  for (;;) {
    const now = await metric(engine, 'sluice_stratum_connections{');
    if (now === connections || performance.now() > endMs) return now;
    await delay(SETTLE_POLL_MS);
  }
}

async function run({ values, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const engine = await startEngine({ jobsPerSecond: values.jobsPerSecond });
  try {
    // The first hundred compile what the rest runs on.
    await pass(engine.port, 100, 10);
    const arrivals = await arriveByClock(engine.port, values.arrivals, values.within * 1_000);
    const times = arrivals
      .map(({ firstJobMs }) => firstJobMs)
      .filter((ms) => !Number.isNaN(ms))
      .sort((one, other) => one - other);
    const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(times.length * part))]!;
    const open = await settled(engine, values.arrivals);
    progress(1, 2, `first job p99 ${at(0.99).toFixed(1)} ms, ${values.arrivals - times.length} never`);
    const { rssBytes } = engine.memory();
    await Promise.all(arrivals.map(({ leave }) => leave()));
    const late = await pass(engine.port, values.passers, values.together);
    const left = await settled(engine, 0);
    const free = await metric(engine, 'sluice_stratum_extranonces_free');
    progress(2, 2, `${left} connections known, ${EXTRANONCES - free} extranonces out`);
    const one = (name: string, unit: string, better: 'lower' | 'neither', value: number) => ({
      ...{ name: `engine.${name}`, unit, better },
      values: [value],
    });
    return {
      measures: [
        one('first_job_p50_ms', 'ms', 'lower', at(0.5)),
        one('first_job_p99_ms', 'ms', 'lower', at(0.99)),
        one('first_job_max_ms', 'ms', 'lower', times.at(-1)!),
        one('timed_out', '', 'lower', values.arrivals - times.length + late),
        one('tracked_too_many', '', 'lower', Math.abs(open - values.arrivals) + left),
        one('extranonces_missing', '', 'lower', EXTRANONCES - free),
        one('rss_mib', 'MiB', 'lower', rssBytes / 2 ** 20),
      ],
      distributions: [],
      checksum: `arrivals ${values.arrivals}, passers ${values.passers}`,
      invalid: [],
      notes: [
        'The engine alone, and the miners in the process of the bench: their own delays are in the figures.',
      ],
    };
  } finally {
    await engine.stop();
  }
}

export default defineCase({
  kind: 'flow',
  title: 'a farm comes on line: time to the first job, and what is left of those that come and go',
  parameters,
  run,
});
