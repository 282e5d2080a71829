/** The workers of an address, most trouble first. */

import type { WorkerView } from '../schemas/miner.ts';
import { type Child, type Element, h } from './element.ts';
import {
  countText,
  difficultyText,
  durationText,
  hashrateText,
  percentText,
  plural,
  sumOf,
} from './format.ts';
import type { PageState } from './page-state.ts';
import { pill, type Tone, table, timeAgo } from './parts.ts';

const STATES: Readonly<Record<WorkerView['state'], readonly [Tone, string]>> = {
  online: ['good', 'Connected, with a share in the last 10 minutes'],
  idle: ['warn', 'Connected, without a share in the last 10 minutes'],
  offline: ['bad', 'Not connected'],
  gone: ['muted', 'Not connected, and no share for a day; listed for a week'],
};
/** Above this a worker's refused part is shown as trouble. */
const REFUSED_WARN = 0.02;

/** A filter is a state, or any part of a name or agent. */
export function matches(worker: WorkerView, filter: string): boolean {
  const wanted = filter.trim().toLowerCase();
  return (
    wanted === '' ||
    worker.state === wanted ||
    `${worker.name} ${worker.agent}`.toLowerCase().includes(wanted)
  );
}

function refusedCell(worker: WorkerView): Child {
  const refused = sumOf(worker.rejected24h);
  const all = refused + worker.accepted24h;
  const reasons = Object.entries(worker.rejected24h)
    .filter(([, count]) => count > 0)
    .map(([label, count]) => `${label.replaceAll('_', ' ')} ${count}`)
    .join(', ');
  const tone = all > 0 && refused / all > REFUSED_WARN ? 'warn' : 'plain';
  return h('span', { 'data-tone': tone, title: reasons || undefined }, percentText(refused, all));
}

function cells(worker: WorkerView, nowMs: number): Child[] {
  const [tone, meaning] = STATES[worker.state];
  const since = worker.connectedSince;
  return [
    h(
      'span',
      { class: 'name' },
      worker.name || h('span', { class: 'muted' }, 'without a name'),
      h('small', null, worker.agent || 'agent unknown'),
    ),
    pill(worker.state, tone, meaning),
    worker.lastShareAt === null ? h('span', { class: 'muted' }, 'never') : timeAgo(worker.lastShareAt, nowMs),
    hashrateText(worker.hashrate.m10),
    hashrateText(worker.hashrate.h1),
    hashrateText(worker.hashrate.h24),
    countText(worker.accepted24h),
    refusedCell(worker),
    worker.difficulty === null ? h('span', { class: 'muted' }, '–') : difficultyText(worker.difficulty),
    since === null
      ? h('span', { class: 'muted' }, '–')
      : h(
          'span',
          { title: `${worker.port}, ${plural(worker.connections, 'connection')}` },
          durationText((nowMs - Date.parse(since)) / 1000),
        ),
    countText(worker.blocks24h),
  ];
}

export function workersRegion({ workers, filter = '', nowMs }: PageState): Element | undefined {
  if (!workers) return undefined;
  const shown = workers.items.filter((worker) => matches(worker, filter));
  return h(
    'div',
    null,
    table(
      'Workers, most trouble first',
      [
        { label: 'Worker', wide: true },
        { label: 'State' },
        { label: 'Last share' },
        { label: '10 min', number: true },
        { label: '1 h', number: true, minor: true },
        { label: '24 h', number: true },
        { label: 'Accepted', number: true },
        { label: 'Refused', number: true },
        { label: 'Difficulty', number: true, minor: true },
        { label: 'Connected', number: true, minor: true },
        { label: 'Blocks', number: true, minor: true },
      ],
      shown.map((worker) => cells(worker, nowMs)),
      workers.items.length === 0
        ? 'No worker was seen in 7 days. What stands behind the dot of the login is the name of a worker.'
        : 'No worker fits the filter.',
    ),
    workers.next !== null &&
      h(
        'p',
        { class: 'note' },
        `The ${countText(workers.items.length)} with most trouble. All of them are in the JSON interface.`,
      ),
  );
}
