/**
 * Runs one case in this process: `node dist/bench/lib/case-process.js FILE [--smoke] [--seed N] [--filter TEXT] [--<parameter> N ...]`.
 * Forked, it sends its progress and its result to the parent; by hand it prints them.
 */
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { BenchCase } from './bench-case.ts';
import type { CaseMessage } from './case-run.ts';
import { DEFAULT_SEED, optionOf, readValues } from './case-values.ts';
import { seededRandom } from './seeded-random.ts';

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
    if (process.send) process.send(message);
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

try {
  await main();
  if (process.connected) process.disconnect();
} catch (error) {
  process.stderr.write(`${error instanceof RangeError ? error.message : (error as Error).stack}\n`);
  process.exitCode = error instanceof RangeError ? 2 : 1;
  if (process.connected) process.disconnect();
}
