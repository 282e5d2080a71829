import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MEASURED_CURVE } from '../../src/app/capacity-curve.ts';
import { capacityOf } from '../../src/domain/capacity.ts';
import { projectPath } from '../../src/kit/project-root.ts';

const GIBIBYTE = 2 ** 30;
const BEGIN = '<!-- curves: written by SLUICE_WRITE_DOCS=1 -->\n';
const END = '<!-- /curves -->';
const PAGE = projectPath('docs', 'CAPACITY.md');

/** Miners of one process, and of 8 cores with 32 GiB, in thousands. */
function table(): string {
  const shares = [5, 20, 60];
  const cell = (jobsPerSecond: number, sharesPerMinute: number): string => {
    const machine = { cores: 8, memoryBytes: 32 * GIBIBYTE, openFiles: 1_048_576 };
    const capacity = capacityOf(MEASURED_CURVE, machine, { jobsPerSecond, sharesPerMinute });
    const thousands = (miners: number): string => `${Math.floor(miners / 1_000)}`;
    return `${thousands(capacity.minersOfOneProcess)} / ${thousands(capacity.minersOfMachine)}`;
  };
  return [
    `| jobs a second | ${shares.map((one) => `${one} shares/min`).join(' | ')} |`,
    `|---|${shares.map(() => '---|').join('')}`,
    ...[1, 2, 4, 10].map((jobs) => `| ${jobs} | ${shares.map((one) => cell(jobs, one)).join(' | ')} |`),
    '',
  ].join('\n');
}

describe('the curves of the capacity page', () => {
  it('are what the measured costs come to', () => {
    const text = readFileSync(PAGE, 'utf8');
    const begin = text.indexOf(BEGIN) + BEGIN.length;
    const end = text.indexOf(END);
    expect(begin).toBeGreaterThan(BEGIN.length);
    if (process.env.SLUICE_WRITE_DOCS === '1')
      writeFileSync(PAGE, `${text.slice(0, begin)}${table()}${text.slice(end)}`);
    else expect(text.slice(begin, end)).toBe(table());
  });
});
