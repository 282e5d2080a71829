/** Servers with one fault each: the checklist fails them by the right points, and by no other of those asked. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type ConformanceReport,
  POINTS,
  pointText,
  runConformance,
} from '../../src/conformance/conformance.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { TOY_FAULTS, type ToyFault, ToyStratumServer } from '../kit/toy-stratum-server.ts';

let server: ToyStratumServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function examined(faults: readonly ToyFault[], only: readonly number[]): Promise<ConformanceReport> {
  server = new ToyStratumServer(...faults);
  const port = await server.listen();
  return await runConformance({
    place: { host: '127.0.0.1', port },
    ...{ address: '', network: 'devnet', workPassword: `d=${(2 ** -16).toFixed(16)}` },
    ...{ sharesPerMinute: 0, storm: 100, simnode: '', networkDifficultyLog2: 0 },
    ...{ metricsUrl: '', connectionsMetric: '', proxyPlace: undefined, pid: 0 },
    ...{ thisBuild: false, quick: true, only, onPoint: () => {} },
  });
}

const failed = (report: ConformanceReport): number[] =>
  report.points.filter(({ finding }) => finding.result === 'fail').map(({ number }) => number);

/** Which points each fault must fail. */
const EXPECTED: Readonly<Record<ToyFault, readonly number[]>> = {
  'reads-are-lines': [2],
  'keeps-nuls': [4],
  'no-cap': [5],
  'answers-http': [6],
  'junk-forever': [7],
  'zero-id-as-null': [8],
  'leaves-out-null': [10],
  'error-as-text': [11, 23, 44],
  'silent-on-unknown-job': [12, 46],
  'early-extranonce': [17, 18],
  'job-on-next-tick': [19],
  'bitmain-as-usual': [15],
  'any-network': [20],
  'drops-early-submit': [23],
  'one-extranonce': [25],
  'one-param-for-all': [27],
  'float-difficulty': [29],
  'loose-target': [30],
  'strict-target': [31],
  'difficulty-without-job': [33],
  'rounds-words': [35, 37],
  'hex-ids': [39],
  'job-flood': [40],
  'pads-nothing': [43],
  'ignores-extranonce': [45],
  'numeric-ids-only': [47],
  'pays-duplicates': [48],
};

/** Sound on every toy: their passing shows that a fault is found where it is. Some only give the witness lines to judge. */
const CONTROLS = [1, 3, 13, 22];

describe('the conformance checklist', { timeout: 60_000 }, () => {
  it('has sixty points, each once, in eight parts', () => {
    const numbers = POINTS.map(({ number }) => number).sort((one, other) => one - other);
    expect(numbers).toEqual(Array.from({ length: 60 }, (_, index) => index + 1));
    const text = readFileSync(projectPath('docs', 'CONFORMANCE.md'), 'utf8');
    expect([...text.matchAll(/^(\d+)\. \S/gm)].map(([, number]) => Number(number))).toEqual(numbers);
  });

  it('passes a sound toy in every point that a wire shows', async () => {
    const report = await examined([], []);
    const told = report.points.filter(({ finding }) => finding.result === 'fail').map(pointText);
    expect(told).toEqual([]);
    const notApplicable = report.points
      .filter(({ finding }) => finding.result === 'not-applicable')
      .map(({ number }) => number);
    // Time, the code itself, a node, metrics, a process that may be stopped.
    expect(notApplicable).toEqual([34, 41, 50, 51, 52, 53, 54, 55, 56, 58, 60]);
  });

  it.each(TOY_FAULTS)('fails a server with the fault "%s" at its points', async (fault) => {
    const expected = EXPECTED[fault];
    const report = await examined([fault], [...new Set([...CONTROLS, ...expected])]);
    expect(failed(report)).toEqual(expected);
    for (const { finding } of report.points.filter(({ number }) => expected.includes(number)))
      expect(finding).toMatchObject({
        expected: expect.stringMatching(/\S/),
        seen: expect.stringMatching(/\S/),
      });
  });

  it('says what it saw in words and bytes', async () => {
    const report = await examined(['leaves-out-null'], [10, 13, 16]);
    const point = report.points.find(({ number }) => number === 10)!;
    expect(pointText(point)).toContain('FAIL 10');
    expect(pointText(point)).toContain('\\"result\\":true}');
  });

  it('says of a server that is not there that no point was met', async () => {
    const gone = new ToyStratumServer();
    const port = await gone.listen();
    await gone.close();
    const report = await runConformance({
      place: { host: '127.0.0.1', port },
      ...{ address: '', network: 'devnet', workPassword: 'x', sharesPerMinute: 0, storm: 1, simnode: '' },
      ...{ networkDifficultyLog2: 0, metricsUrl: '', connectionsMetric: '', proxyPlace: undefined, pid: 0 },
      ...{ thisBuild: false, quick: true, only: [1, 2, 13], onPoint: () => {} },
    });
    expect(report).toMatchObject({ passed: 0, failed: 3, notApplicable: 0 });
  });
});
