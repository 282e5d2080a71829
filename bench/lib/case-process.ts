/**
 * Runs one case in this process: `node dist/bench/lib/case-process.js FILE [--smoke] [--seed N] [--filter TEXT] [--<parameter> N ...]`.
 * Forked, it sends its progress and its result to the parent; by hand it prints them.
 *
 * Asked to stop, by a signal or since the parent is gone, it throws at the case's next word of progress, so that the case's own
 * `finally` stops its servers and removes its folders.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { BenchCase } from './bench-case.ts';
import type { CaseMessage } from './case-run.ts';
import { DEFAULT_SEED, optionOf, readValues } from './case-values.ts';
import { INTERRUPTED, Interruption } from './interruption.ts';
import { seededRandom } from './seeded-random.ts';

class Interrupted extends Error {}

/** A step of a case takes seconds; one that takes longer is not waited for. What it started ends with this process. */
const STOP_DEADLINE_MS = 40_000;
let stopping = false;

function stop(): void {
  if (stopping) process.exit(INTERRUPTED);
  stopping = true;
  setTimeout(() => process.exit(INTERRUPTED), STOP_DEADLINE_MS).unref();
}

async function main(): Promise<void> {
  const [file, ...args] = process.argv.slice(2);
  const { default: benchCase } = (await import(pathToFileURL(file!).href)) as { default: BenchCase };
  const names = Object.keys(benchCase.parameters);
  const { values: given } = parseArgs({
    args,
    options: {
      smoke: { type: 'boolean', default: false },
      seed: { type: 'string', default: String(DEFAULT_SEED) },
      filter: { type: 'string' },
      ...Object.fromEntries(names.map((name) => [optionOf(name), { type: 'string' as const }])),
    },
  });
  const smoke = given.smoke === true;
  const values = readValues(benchCase.parameters, given, smoke);
  const seed = Number(given.seed);
  const tell = (message: CaseMessage): void => {
    if (stopping) throw new Interrupted();
    if (process.connected) process.send!(message);
    else process.stdout.write(`${JSON.stringify(message)}\n`);
  };
  const result = await benchCase.run({
    values,
    seed,
    smoke,
    filter: typeof given.filter === 'string' ? new RegExp(given.filter) : undefined,
    random: seededRandom(seed),
    progress: (done, total, text) => tell({ kind: 'progress', done, total, text }),
  });
  tell({
    kind: 'result',
    values,
    result: {
      ...result,
      distributions: result.distributions.map(({ name, histogram }) => ({
        name,
        histogram: encodeIntoCompressedBase64(histogram),
      })),
    },
  });
}

new Interruption(stop);
process.once('disconnect', stop);
try {
  await main();
} catch (error) {
  if (stopping) process.exitCode = INTERRUPTED;
  else {
    const { code = '', message, stack } = error as NodeJS.ErrnoException;
    const asked = error instanceof RangeError || code.startsWith('ERR_PARSE_ARGS');
    process.stderr.write(`${asked ? message : stack}\n`);
    process.exitCode = asked ? 2 : 1;
  }
}
if (process.connected) process.disconnect();
