/**
 * Latency over percentile as one SVG. Across: nines, so that the last per mille has as much room as the first nine tenths. Up:
 * milliseconds, logarithmic. Pure.
 */
import { histogramOf } from '../lib/load-generator.ts';
import type { RecordedDistribution } from '../lib/record.ts';
import { escapeHtml } from './escape.ts';

const WIDTH = 720;
const HEIGHT = 300;
const LEFT = 56;
const RIGHT = 16;
const TOP = 14;
const BOTTOM = 34;
/** 99.999 %: beyond it are single values. */
const NINES_MAX = 5;
const POINTS_PER_NINE = 24;
const US_PER_MS = 1_000;
/** Of CSS: `--curve-0` and on. */
const COLOURS = 6;

interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [nines: number, ms: number])[];
}

export function percentileCurves(distributions: readonly RecordedDistribution[]): string {
  const curves = distributions.filter(({ count }) => count > 0).map(curveOf);
  if (curves.length === 0) return '';
  const all = curves.flatMap(({ points }) => points.map(([, ms]) => ms));
  const lowest = Math.floor(Math.log10(Math.max(0.001, Math.min(...all))));
  const highest = Math.max(lowest + 1, Math.ceil(Math.log10(Math.max(...all))));
  const x = (nines: number): number => LEFT + (nines / NINES_MAX) * (WIDTH - LEFT - RIGHT);
  const y = (ms: number): number =>
    TOP + ((highest - Math.log10(Math.max(ms, 10 ** lowest))) / (highest - lowest)) * (HEIGHT - TOP - BOTTOM);
  const parts = [
    ...gridOf(lowest, highest, x, y),
    ...curves.map((curve, index) => lineOf(curve, index, x, y)),
  ];
  const legend = curves
    .map(({ name }, index) => `<li><i class="c${index % COLOURS}"></i>${escapeHtml(name)}</li>`)
    .join('');
  return (
    `<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="latency by percentile">${parts.join('')}</svg>` +
    `<ul class="legend">${legend}</ul></figure>`
  );
}

function curveOf({ name, count, histogram }: RecordedDistribution): Curve {
  const decoded = histogramOf(histogram);
  const points: [number, number][] = [];
  for (let step = 0; step <= NINES_MAX * POINTS_PER_NINE; step++) {
    const nines = step / POINTS_PER_NINE;
    // With a thousand values there is no 99.99th percentile.
    if (nines > Math.log10(count)) break;
    points.push([nines, decoded.getValueAtPercentile(100 * (1 - 10 ** -nines)) / US_PER_MS]);
  }
  return { name, points };
}

type Scale = (value: number) => number;

function gridOf(lowest: number, highest: number, x: Scale, y: Scale): string[] {
  const parts: string[] = [];
  for (let power = lowest; power <= highest; power++) {
    const at = y(10 ** power).toFixed(1);
    parts.push(
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}"/>`,
      `<text x="${LEFT - 6}" y="${at}" text-anchor="end" dominant-baseline="middle">${msText(10 ** power)}</text>`,
    );
  }
  for (const [nines, text] of [
    [0, 'min'],
    [Math.log10(2), '50 %'],
    [1, '90 %'],
    [2, '99 %'],
    [3, '99.9 %'],
    [4, '99.99 %'],
    [5, '99.999 %'],
  ] as const) {
    const at = x(nines).toFixed(1);
    const anchor = nines === NINES_MAX ? 'end' : 'middle';
    parts.push(
      `<line class="grid" x1="${at}" x2="${at}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`,
      `<text x="${at}" y="${HEIGHT - BOTTOM + 16}" text-anchor="${anchor}">${text}</text>`,
    );
  }
  return parts;
}

function lineOf({ points }: Curve, index: number, x: Scale, y: Scale): string {
  const path = points.map(([nines, ms]) => `${x(nines).toFixed(1)},${y(ms).toFixed(1)}`).join(' ');
  return `<polyline class="curve s${index % COLOURS}" points="${path}"/>`;
}

function msText(ms: number): string {
  return ms >= 1 ? `${ms} ms` : `${ms * US_PER_MS} µs`;
}
