/**
 * Subjects in turns: each round plays every one of them, the order turned round each time, by tinybench in a closed loop. A subject
 * does many operations a call, since one call of a clock costs as much as some of them; what it returns is added up, so that no
 * compiler can leave the work out, and becomes the checksum.
 */
import { Bench } from 'tinybench';
import type { CaseContext, CaseResult, Measure, ParameterTable } from './bench-case.ts';

export interface Subject {
  /** `engine`, or what it replaces. */
  readonly name: string;
  /** Operations of one call. */
  readonly operations: number;
  /** Anything that depends on all that was done. */
  readonly run: () => number;
  /** The same input gives the same in subjects of one group; empty = compared with nothing. */
  readonly agrees?: string;
}

/** `above` over `below`: how many times quicker the second is. */
export interface RatioOf {
  readonly name: string;
  readonly above: string;
  readonly below: string;
}

export const MICRO_PARAMETERS = {
  rounds: { unit: '', text: 'turns of every subject', real: 15, smoke: 2, min: 1, max: 1_000 },
  time: { unit: 'ms', text: 'of a subject in a round', real: 60, smoke: 4, min: 1, max: 60_000 },
} satisfies ParameterTable;

const NS_PER_MS = 1e6;

/** @param context with the values `rounds` and `time` */
export async function playRounds(
  context: Pick<CaseContext<typeof MICRO_PARAMETERS>, 'values' | 'filter' | 'progress'>,
  subjects: readonly Subject[],
  ratios: readonly RatioOf[],
): Promise<CaseResult> {
  const { values, filter, progress } = context;
  const played = subjects.filter(({ name }) => filter?.test(name) ?? true);
  const checks = played.map((subject) => ({ subject, value: subject.run() }));
  const invalid = disagreements(checks);
  const ns = new Map<string, number[]>(played.map(({ name }) => [name, []]));
  let guard = 0;
  for (let round = -1; round < values.rounds; round++) {
    const bench = new Bench({ time: values.time, warmup: round < 0, iterations: 4 });
    for (const { name, run } of round % 2 === 0 ? played : played.toReversed())
      bench.add(name, () => {
        guard += run();
      });
    await bench.run();
    for (const { name, operations } of played) {
      const result = bench.getTask(name)!.result;
      if (!('latency' in result)) throw new Error(`${name} could not be measured: ${result.state}`);
      // The first round is the compiler's.
      if (round >= 0) ns.get(name)!.push((result.latency.p50 * NS_PER_MS) / operations);
    }
    progress(round + 2, values.rounds + 1, `round ${round + 1}`);
  }
  if (!Number.isFinite(guard)) invalid.push('a subject counted nothing');
  return {
    measures: [...costs(ns), ...ratios.flatMap((ratio) => ratioMeasure(ns, ratio))],
    distributions: [],
    checksum: checks.map(({ subject, value }) => `${subject.name} ${value}`).join(', '),
    invalid,
    notes: [],
  };
}

function disagreements(checks: readonly { subject: Subject; value: number }[]): string[] {
  return checks.flatMap(({ subject, value }) => {
    const first = checks.find((one) => one.subject.agrees === subject.agrees);
    if (subject.agrees === undefined || first === undefined || first.value === value) return [];
    return [`${subject.name} came to ${value}, ${first.subject.name} to ${first.value}`];
  });
}

function costs(ns: ReadonlyMap<string, readonly number[]>): Measure[] {
  return [...ns].map(([name, values]) => ({
    name: `${name}.ns_per_op`,
    unit: 'ns',
    better: 'lower',
    values,
  }));
}

function ratioMeasure(
  ns: ReadonlyMap<string, readonly number[]>,
  { name, above, below }: RatioOf,
): Measure[] {
  const [left, right] = [ns.get(above), ns.get(below)];
  if (left === undefined || right === undefined) return [];
  const values = left.map((value, round) => value / right[round]!);
  return [{ name: `ratio.${name}`, unit: '', better: 'higher', values }];
}
