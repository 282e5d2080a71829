/**
 * A chart before any script runs, and for readers who see none: lines as SVG, its story in a sentence, its figures in a table.
 * The browser replaces the drawing by one that can be read with a pointer; gaps stay gaps on either.
 */
import type { Range } from '../schemas/field.ts';
import { type Element, h } from './element.ts';
import { exactText, hashrateText, percentText } from './format.ts';

export interface ChartData {
  readonly range: Range;
  readonly stepSeconds: number;
  readonly from: string;
  readonly hashrate: readonly (number | null)[];
  readonly rejectedShare: readonly (number | null)[];
  readonly workers?: readonly (number | null)[];
}

const RANGES: readonly Range[] = ['1h', '24h', '7d', '30d'];
const WIDTH = 960;
const HEIGHT = 220;
/** A table longer than a screen helps nobody. */
const TABLE_ROWS_MAX = 24;

const known = (values: readonly (number | null)[]): number[] => values.filter((value) => value !== null);

/** One sub-path for each run of known values. */
function linePath(values: readonly (number | null)[], top: number): string {
  const x = (index: number): string => ((index * WIDTH) / Math.max(1, values.length - 1)).toFixed(1);
  const y = (value: number): string => (HEIGHT - (value / top) * (HEIGHT - 12) - 2).toFixed(1);
  let path = '';
  let drawing = false;
  values.forEach((value, index) => {
    if (value !== null) path += `${drawing ? 'L' : 'M'}${x(index)} ${y(value)}`;
    drawing = value !== null;
  });
  return path;
}

function story(data: ChartData): string {
  const values = known(data.hashrate);
  if (values.length === 0) return 'Nothing is known of this time yet.';
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const gaps = data.hashrate.length - values.length;
  return [
    `Mean ${hashrateText(mean)}, from ${hashrateText(Math.min(...values))} to ${hashrateText(Math.max(...values))}`,
    `last ${hashrateText(values.at(-1)!)}`,
    ...(gaps > 0 ? [`${gaps} of ${data.hashrate.length} steps unknown`] : []),
  ].join('; ');
}

function figures(data: ChartData): Element {
  const every = Math.max(1, Math.ceil(data.hashrate.length / TABLE_ROWS_MAX));
  const rows: Element[] = [];
  for (let index = data.hashrate.length - 1; index >= 0; index -= every) {
    const at = new Date(Date.parse(data.from) + index * data.stepSeconds * 1000).toISOString();
    const hashrate = data.hashrate[index] ?? null;
    const rejected = data.rejectedShare[index] ?? null;
    rows.push(
      h(
        'tr',
        null,
        h('td', null, exactText(at).slice(0, 16)),
        h('td', { class: 'number' }, hashrate === null ? 'unknown' : hashrateText(hashrate)),
        h('td', { class: 'number' }, rejected === null ? '–' : percentText(rejected, 1)),
      ),
    );
  }
  return h(
    'table',
    { class: 'small' },
    h('caption', { class: 'unseen' }, 'Figures of the chart, newest first, UTC'),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        h('th', { scope: 'col' }, 'From (UTC)'),
        h('th', { scope: 'col', class: 'number' }, 'Hashrate'),
        h('th', { scope: 'col', class: 'number' }, 'Refused'),
      ),
    ),
    h('tbody', null, rows),
  );
}

/** @param path the page that it stands on; ranges are links. */
export function chart(data: ChartData, path: string, title: string): Element {
  const top = Math.max(1, ...known(data.hashrate)) * 1.05;
  const line = linePath(data.hashrate, top);
  return h(
    'figure',
    { class: 'chart', 'aria-label': title },
    h(
      'nav',
      { class: 'ranges', 'aria-label': 'Time shown by the chart' },
      RANGES.map((range) =>
        h(
          'a',
          {
            href: `${path}?range=${range}`,
            'data-range': range,
            'aria-current': range === data.range ? 'true' : undefined,
          },
          range.replace(/(\d+)/, '$1\u00a0'),
        ),
      ),
    ),
    h(
      'div',
      { class: 'plot', 'data-chart': true, 'aria-hidden': 'true' },
      h(
        'svg',
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none' },
        line !== '' && h('path', { class: 'line', d: line }),
      ),
      h('span', { class: 'top' }, hashrateText(top / 1.05)),
    ),
    h('figcaption', { 'data-story': true }, story(data)),
    h(
      'details',
      { class: 'figures' },
      h('summary', null, 'Figures as a table'),
      h('div', { 'data-figures': true }, figures(data)),
    ),
  );
}

/** For the browser, when another range was chosen. */
export const chartTexts = { story, figures };
