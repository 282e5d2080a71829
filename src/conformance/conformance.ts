/**
 * The conformance checklist of Kaspa stratum servers as a program: sixty points, asked over real sockets of whatever server listens
 * there. In: an address. Out: a report, point by point, with the bytes that were seen where they were not those expected.
 *
 * It must share nothing with the server side of this house: a checker that reads the server's own tables would find it right.
 */
import { BLOCK_POINTS } from './block-points.ts';
import { DIFFICULTY_POINTS } from './difficulty-points.ts';
import { EXTRANONCE_POINTS } from './extranonce-points.ts';
import { type Finding, findingOf } from './finding.ts';
import { FRAMING_POINTS } from './framing-points.ts';
import { JOB_POINTS } from './job-points.ts';
import { Lab, type LabOptions } from './lab.ts';
import { LOGIN_POINTS } from './login-points.ts';
import { PHASES, type Phase, type Point } from './point.ts';
import { ROBUSTNESS_POINTS } from './robustness-points.ts';
import { SUBMIT_POINTS } from './submit-points.ts';

export type { LabOptions } from './lab.ts';

export interface PointReport {
  readonly number: number;
  readonly title: string;
  readonly finding: Finding;
}

export interface ConformanceReport {
  readonly server: string;
  readonly passed: number;
  readonly failed: number;
  readonly notApplicable: number;
  readonly seconds: number;
  readonly points: readonly PointReport[];
}

export interface RunOptions extends LabOptions {
  /** Numbers of the points wanted; empty = all. */
  readonly only: readonly number[];
  readonly onPoint: (report: PointReport) => void;
}

const GROUPS: readonly (readonly Point[])[] = [
  ...[FRAMING_POINTS, LOGIN_POINTS, EXTRANONCE_POINTS, DIFFICULTY_POINTS],
  ...[JOB_POINTS, SUBMIT_POINTS, BLOCK_POINTS, ROBUSTNESS_POINTS],
];
export const POINTS: readonly Point[] = GROUPS.flat();

export async function runConformance(options: RunOptions): Promise<ConformanceReport> {
  const lab = new Lab(options);
  const startedMs = performance.now();
  const reports: PointReport[] = [];
  const chosen = POINTS.filter(({ number }) => options.only.length === 0 || options.only.includes(number));
  const ask = async ({ number, title, check }: Point): Promise<void> => {
    let finding: Finding;
    try {
      finding = { result: 'pass', note: await check(lab) };
    } catch (thrown) {
      finding = findingOf(thrown);
    }
    const report = { number, title, finding };
    reports.push(report);
    options.onPoint(report);
  };
  const of = (phase: Phase): readonly Point[] => chosen.filter((each) => each.phase === phase);
  try {
    const early = of('early').map(ask);
    for (const phase of PHASES.slice(1)) {
      if (phase === 'alone') await Promise.all(early);
      for (const each of of(phase)) {
        // While the early ones run, their sockets are among those open.
        if (phase !== 'main') lab.closeWires();
        await ask(each);
      }
    }
  } finally {
    lab.close();
  }
  const count = (result: Finding['result']): number =>
    reports.filter(({ finding }) => finding.result === result).length;
  return {
    server: `${options.place.host}:${options.place.port}`,
    passed: count('pass'),
    failed: count('fail'),
    notApplicable: count('not-applicable'),
    seconds: (performance.now() - startedMs) / 1000,
    points: reports.sort((one, other) => one.number - other.number),
  };
}

const MARKS = { pass: 'ok  ', fail: 'FAIL', 'not-applicable': 'n/a ' } as const;

/** One point for a person. */
export function pointText({ number, title, finding }: PointReport): string {
  const head = `${MARKS[finding.result]} ${String(number).padStart(2)}  ${title}`;
  switch (finding.result) {
    case 'pass':
      return finding.note === '' ? head : `${head} (${finding.note})`;
    case 'fail':
      return `${head}\n         expected ${finding.expected}\n         saw      ${finding.seen}`;
    case 'not-applicable':
      return `${head}: ${finding.why}`;
  }
}
