/** "Why was I refused": reasons in words, what to do about each, and what last happened on each connection. */

import type { Refusals } from '../schemas/miner.ts';
import { type Element, h } from './element.ts';
import { countText, difficultyText, durationText } from './format.ts';
import type { PageState } from './page-state.ts';
import { VERDICT_WORDS } from './verdict-words.ts';

/** Enough to see a pattern; the rest is in the JSON interface. */
const CONNECTIONS_MAX = 20;

function reason({ verdict, count, meaning, remedy }: Refusals['reasons'][number]): Element {
  return h(
    'li',
    null,
    h(
      'p',
      { class: 'reason' },
      h('strong', null, VERDICT_WORDS[verdict] ?? verdict),
      ' ',
      h('span', { class: 'count' }, `${countText(count)}×`),
    ),
    h('p', null, meaning),
    h('p', { class: 'remedy' }, remedy),
  );
}

function connection(one: Refusals['connections'][number]): Element {
  const trip = one.roundTripMs === null ? '' : ` · round trip ${one.roundTripMs.toFixed(0)} ms`;
  return h(
    'details',
    null,
    h(
      'summary',
      null,
      h('span', { class: 'name' }, one.worker || 'without a name'),
      ' ',
      h('small', null, one.agent || 'agent unknown'),
    ),
    h(
      'p',
      { class: 'note' },
      `On ${one.port} for ${durationText(one.secondsConnected)} · dialect ${one.dialect} · difficulty ${difficultyText(one.difficulty)}${trip}`,
    ),
    h(
      'ol',
      { class: 'events' },
      one.events.map((event) =>
        h(
          'li',
          { class: event.verdict === null ? undefined : 'refused' },
          h('span', { class: 'when' }, `${durationText(event.secondsAgo)} ago`),
          ' ',
          event.text,
        ),
      ),
    ),
  );
}

export function refusalRegion({ refusals }: PageState): Element | undefined {
  if (!refusals) return undefined;
  return h(
    'div',
    null,
    refusals.reasons.length === 0
      ? h('p', { class: 'empty' }, 'Nothing was refused in the last hour.')
      : h('ul', { class: 'reasons' }, refusals.reasons.map(reason)),
    refusals.connections.length > 0 &&
      h(
        'div',
        { class: 'connections' },
        h('h3', null, 'What last happened on each connection'),
        refusals.connections.slice(0, CONNECTIONS_MAX).map(connection),
      ),
  );
}
