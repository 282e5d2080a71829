/** The front page: the pool now, where your miners are, how to connect, what was found. */

import { connectRegions } from './connect.ts';
import { type Element, h } from './element.ts';
import { countText, durationText, hashrateText, percentText, ratioText, sumOf } from './format.ts';
import { blockTable } from './lists.ts';
import type { PageState, Regions } from './page-state.ts';
import { type Tone, table } from './parts.ts';
import { VERDICT_WORDS } from './verdict-words.ts';

function now({ pool }: PageState): Element {
  const { hashrate } = pool;
  const of = (label: string, value: number): Element =>
    h('div', null, h('dt', null, label), h('dd', null, hashrateText(value)));
  return h(
    'div',
    { class: 'now' },
    h('p', { class: 'big' }, hashrateText(hashrate.m10)),
    h('dl', { class: 'beside' }, of('1 min', hashrate.m1), of('1 h', hashrate.h1), of('24 h', hashrate.h24)),
  );
}

/** What the pool works on now, for each scheme by itself. */
function rounds({ pool }: PageState): Element {
  return h(
    'dl',
    { class: 'rounds' },
    pool.schemes.map((scheme) =>
      h(
        'div',
        { class: 'round' },
        h('dt', null, scheme.scheme),
        h('dd', { class: 'number' }, hashrateText(scheme.hashrate)),
        h(
          'dd',
          { class: 'note' },
          `mean of the last hour · fee ${scheme.feePercent}\u00a0% · effort now ${ratioText(scheme.effort)}`,
        ),
      ),
    ),
  );
}

function blocks(state: PageState): Element | undefined {
  return state.blocks && blockTable(state.blocks, state);
}

function refused({ pool }: PageState): Element {
  const counted = Object.entries(pool.shares.rejected).filter(([, count]) => count > 0);
  const all = pool.shares.accepted + sumOf(pool.shares.rejected);
  return h(
    'div',
    null,
    h('p', { class: 'note' }, `${countText(pool.shares.accepted)} shares accepted since the engine started.`),
    table(
      'Refused shares by reason',
      [{ label: 'Reason' }, { label: 'Shares', number: true }, { label: 'Part of all', number: true }],
      counted
        .sort((one, other) => other[1] - one[1])
        .map(([label, count]) => [VERDICT_WORDS[label] ?? label, countText(count), percentText(count, all)]),
      'None was refused so far.',
    ),
  );
}

function state(text: string, tone: Tone): Element {
  return h('span', { 'data-tone': tone }, text);
}

function parts({ pool: { nodes, journal, database, version, uptimeSeconds } }: PageState): Element {
  const rows = nodes.map((node) => {
    const well = node.connected && node.synced && node.fault === '';
    const age =
      node.lastTemplateAgeMs < 0
        ? 'no template yet'
        : `template ${(node.lastTemplateAgeMs / 1000).toFixed(1)} s old`;
    return [
      `Node ${node.name}`,
      state(node.connected ? (node.synced ? 'synced' : 'syncing') : 'not connected', well ? 'good' : 'bad'),
      node.fault || `${age} · DAA ${countText(node.daaScore)}${node.version ? ` · ${node.version}` : ''}`,
    ];
  });
  // A pool has a node at least: without one no engine tells anything, and what a moment ago was known is not repeated.
  const told = nodes.length > 0;
  if (!told) rows.push(['Node', state('unknown', 'bad'), 'No engine tells anything.']);
  const lag = `${countText(database.lagRecords)} records (${database.lagSeconds.toFixed(1)} s) behind`;
  rows.push(
    [
      'Journal',
      state(journal.state, told && journal.fault === '' ? 'good' : 'bad'),
      journal.fault || `${countText(journal.durable)} of ${countText(journal.appended)} records on disk`,
    ],
    [
      'Database',
      state(database.state, told && database.fault === '' ? 'good' : 'bad'),
      database.fault || `${countText(database.loaded)} shares stored · ${lag}`,
    ],
    told
      ? ['Engine', state('running', 'good'), `Sluice ${version} · up ${durationText(uptimeSeconds)}`]
      : ['Engine', state('silent', 'bad'), 'It starts again by itself, or its operator looks.'],
  );
  return table('Parts of the pool', [{ label: 'Part' }, { label: 'State' }, { label: 'Detail' }], rows, '');
}

export const homeRegions: Regions = { now, rounds, blocks, refused, parts, ...connectRegions };
