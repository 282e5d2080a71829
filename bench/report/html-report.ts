/** Records as one page that stands alone: no script, no request to anywhere, light and dark by the reader's setting. Pure. */
import type { Measure } from '../lib/bench-case.ts';
import { machineText } from '../lib/machine.ts';
import type { BenchRecord } from '../lib/record.ts';
import { median } from '../lib/statistics.ts';
import { figure } from '../lib/text-table.ts';
import { escapeHtml } from './escape.ts';
import { percentileCurves } from './percentile-curves.ts';

const STYLE = `
:root{color-scheme:light dark;--text:#1c2024;--dim:#60646c;--line:#d9d9e0;--back:#fcfcfd;--card:#fff;--bad:#c62a2f;
--curve-0:#0b68cb;--curve-1:#d9480f;--curve-2:#2b8a3e;--curve-3:#862e9c;--curve-4:#b08800;--curve-5:#0c8599}
@media(prefers-color-scheme:dark){:root{--text:#edeef0;--dim:#a0a4ab;--line:#363a3f;--back:#111113;--card:#18191b;--bad:#ff8b8b;
--curve-0:#70b8ff;--curve-1:#ffa057;--curve-2:#71d083;--curve-3:#d19dff;--curve-4:#f5e147;--curve-5:#4ccce6}}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem 4rem;background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:0}section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:1rem 1.25rem;margin:1.25rem 0;overflow-x:auto}
p{margin:.25rem 0 .75rem}.dim{color:var(--dim);font-size:.875rem;white-space:pre-line}.invalid{color:var(--bad);font-weight:600}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.9rem}th,td{text-align:right;padding:.25rem .5rem;border-bottom:1px solid var(--line)}
th{color:var(--dim);font-weight:500}th:first-child,td:first-child{text-align:left}td.ratio{font-weight:600}
figure{margin:1rem 0 0}svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:11px}.grid{stroke:var(--line)}.curve{fill:none;stroke-width:2}
${[0, 1, 2, 3, 4, 5].map((at) => `.s${at}{stroke:var(--curve-${at})}.c${at}{background:var(--curve-${at})}`).join('')}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;list-style:none;padding:0;margin:.5rem 0 0;font-size:.875rem}.legend i{display:inline-block;width:.9rem;height:.25rem;margin-right:.4rem;vertical-align:middle}
.spark{width:6rem;height:1.25rem;display:inline-block;vertical-align:middle}.spark polyline{fill:none;stroke:var(--dim);stroke-width:1.5}`;

export function htmlReport(records: readonly BenchRecord[]): string {
  const days = records.map(({ machine }) => machine.at.slice(0, 10)).sort();
  // One machine is told once, at the top; of several, each record tells its own.
  const machines = [...new Set(records.map(machineOf))];
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">',
    `<title>Sluice benches, ${escapeHtml(days[0]!)}</title><style>${STYLE}</style></head><body>`,
    `<h1>Sluice benches</h1><p class="dim">${escapeHtml(machines.join('\n'))}</p>`,
    '<p class="dim">Trust the ratios: they are taken within each round. Absolute figures describe this machine only.</p>',
    ...records.map((record) => sectionOf(record, machines.length > 1)),
    '</body></html>\n',
  ].join('\n');
}

/** The machine as such, without what it was doing. */
function machineOf({ machine }: BenchRecord): string {
  return machineText(machine).split('\n')[0]!;
}

/** When, of which commit, and how busy the machine was. */
function circumstancesOf({ machine }: BenchRecord): string {
  return machineText(machine).split('\n').slice(1).join('\n');
}

function sectionOf(record: BenchRecord, namesMachine: boolean): string {
  const parameters = Object.entries(record.parameters).map(([name, value]) => `${name} ${value}`);
  const parts = [
    `<section><h2>${escapeHtml(record.case)}</h2><p>${escapeHtml(record.title)}</p>`,
    `<p class="dim">${escapeHtml([...parameters, `seed ${record.seed}`, ...(record.smoke ? ['smoke size'] : [])].join(' · '))}\n${escapeHtml(circumstancesOf(record))}</p>`,
  ];
  if (namesMachine) parts.push(`<p class="dim">${escapeHtml(machineOf(record))}</p>`);
  for (const reason of record.invalid) parts.push(`<p class="invalid">INVALID: ${escapeHtml(reason)}</p>`);
  if (record.measures.length > 0) parts.push(measuresTable(record.measures));
  parts.push(percentileCurves(record.distributions));
  for (const note of record.notes) parts.push(`<p class="dim">${escapeHtml(note)}</p>`);
  return `${parts.join('\n')}</section>`;
}

function measuresTable(measures: readonly Measure[]): string {
  const rows = measures.map(({ name, unit, values }) => {
    const cells = [median(values), Math.min(...values), Math.max(...values)].map(
      (value) => `<td>${figure(value)}</td>`,
    );
    const ratio = name.startsWith('ratio.') ? ' class="ratio"' : '';
    return `<tr><td${ratio}>${escapeHtml(name)}</td>${cells.join('')}<td>${escapeHtml(unit)}</td><td>${spark(values)}</td></tr>`;
  });
  return `<table><thead><tr><th></th><th>median</th><th>min</th><th>max</th><th>unit</th><th>rounds</th></tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** The rounds in order: noise and drift are seen at once. */
function spark(values: readonly number[]): string {
  if (values.length < 2) return '1';
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map(
    (value, index) =>
      `${((96 * index) / (values.length - 1)).toFixed(1)},${(18 - (16 * (value - low)) / span).toFixed(1)}`,
  );
  return `<svg class="spark" viewBox="0 0 96 20" preserveAspectRatio="none" aria-hidden="true"><polyline points="${points.join(' ')}"/></svg>`;
}
