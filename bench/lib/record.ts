/**
 * A record: one line of JSON that says what was measured, on what, with what, and carries a checksum over itself. Nothing else is a
 * result. Figures are never rounded here: all rounds stay, so that anybody can make other medians of them.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Measure } from './bench-case.ts';
import type { CaseRun } from './case-run.ts';
import { histogramOf } from './load-generator.ts';
import type { Machine } from './machine.ts';

export interface RecordedDistribution {
  readonly name: string;
  readonly count: number;
  /** Percentile → us. */
  readonly percentilesUs: Readonly<Record<string, number>>;
  /** HdrHistogram V2, deflated, base64. */
  readonly histogram: string;
}

export interface BenchRecord {
  readonly version: number;
  readonly case: string;
  readonly kind: 'micro' | 'flow';
  readonly title: string;
  readonly parameters: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly smoke: boolean;
  readonly filter: string | null;
  readonly machine: Machine;
  /** Of the packages on the measured paths. */
  readonly packages: Readonly<Record<string, string>>;
  readonly loadAfter: number;
  readonly seconds: number;
  readonly measures: readonly Measure[];
  readonly distributions: readonly RecordedDistribution[];
  /** Of the work. */
  readonly checksum: string;
  readonly invalid: readonly string[];
  readonly notes: readonly string[];
  /** Over the line without this field: the first half of its SHA-256, in hex. */
  readonly recordChecksum: string;
}

/** Raised when a field changes its meaning. */
export const RECORD_VERSION = 2;
const PERCENTILES = [50, 75, 90, 95, 99, 99.9, 99.99, 100];
const PACKAGES = ['kaspa-wasm', 'piscina', 'postgres', 'uWebSockets.js', 'hdr-histogram-js'];

export interface RecordSource {
  readonly name: string;
  readonly kind: 'micro' | 'flow';
  readonly title: string;
  readonly seed: number;
  readonly smoke: boolean;
  readonly filter: string | undefined;
  readonly machine: Machine;
  readonly loadAfter: number;
  readonly seconds: number;
}

export function recordOf(source: RecordSource, { values, result }: CaseRun): BenchRecord {
  const { name, filter, ...rest } = source;
  const record = {
    version: RECORD_VERSION,
    case: name,
    ...rest,
    filter: filter ?? null,
    parameters: values,
    packages: packageVersions(),
    measures: result.measures,
    distributions: result.distributions.map(({ name: what, histogram }) => {
      const decoded = histogramOf(histogram);
      return {
        name: what,
        count: decoded.totalCount,
        percentilesUs: Object.fromEntries(PERCENTILES.map((at) => [at, decoded.getValueAtPercentile(at)])),
        histogram,
      };
    }),
    checksum: result.checksum,
    invalid: result.invalid,
    notes: result.notes,
  };
  return { ...record, recordChecksum: checksumOf(record) };
}

export function appendRecord(file: string, record: BenchRecord): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${JSON.stringify(record)}\n`);
}

/** All records of a file, in order. Throws a RangeError that names the line which is no record or was changed. */
export function readRecords(file: string): BenchRecord[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new RangeError(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length === 0) throw new RangeError(`${file} holds no record`);
  return lines.map((line, index) => parseRecord(line, `${file}:${index + 1}`));
}

function parseRecord(line: string, where: string): BenchRecord {
  let record: BenchRecord;
  try {
    record = JSON.parse(line) as BenchRecord;
  } catch {
    throw new RangeError(`${where} is not a line of JSON`);
  }
  if (record?.version !== RECORD_VERSION) {
    throw new RangeError(`${where} is no record of version ${RECORD_VERSION}; measure it again`);
  }
  const { recordChecksum, ...rest } = record;
  if (recordChecksum !== checksumOf(rest)) throw new RangeError(`${where} was changed after it was written`);
  return record;
}

function checksumOf(record: object): string {
  return createHash('sha256').update(JSON.stringify(record)).digest('hex').slice(0, 32);
}

function packageVersions(): Record<string, string> {
  const { dependencies } = createRequire(import.meta.url)('../../../package.json') as {
    dependencies: Record<string, string>;
  };
  return Object.fromEntries(PACKAGES.map((name) => [name, dependencies[name] ?? 'unknown']));
}
