/** The pool in one line, on every page, and whether all is well. */
import { type Child, type Element, h } from './element.ts';
import { countText, durationText, hashrateText, kasText, ratioText } from './format.ts';
import type { PageState, Regions } from './page-state.ts';
import { pill, timeAgo } from './parts.ts';

function item(name: string, label: string, figure: Child, title?: string): Element {
  return h('div', { class: `item-${name}`, title }, h('dt', null, label), h('dd', null, figure));
}

/** "1 %", or "0.9–1 %" where schemes differ. */
export function feeText({ schemes }: PageState['pool']): string {
  if (schemes.length === 0) return '–';
  const fees = schemes.map(({ feePercent }) => feePercent);
  const least = Math.min(...fees);
  const most = Math.max(...fees);
  return least === most ? `${least}\u00a0%` : `${least}–${most}\u00a0%`;
}

export function payoutInterval({ payouts }: PageState['pool']): string {
  return payouts.intervalSeconds === 0 ? 'by hand' : `every ${durationText(payouts.intervalSeconds)}`;
}

function strip({ pool, nowMs }: PageState): Element {
  const { blocks, chain } = pool;
  return h(
    'dl',
    { class: 'strip' },
    item('hashrate', 'Pool', hashrateText(pool.hashrate.m10), 'Of the last 10 minutes'),
    item('miners', 'Miners', countText(pool.miners)),
    item('workers', 'Workers', countText(pool.workers)),
    item('last', 'Last block', blocks.lastAt === null ? 'none yet' : timeAgo(blocks.lastAt, nowMs)),
    item('blocks', 'Blocks, 24 h', countText(blocks.h24)),
    item(
      'luck',
      'Luck, 7 d',
      ratioText(blocks.luck7d),
      'Blocks found of blocks expected: above 100 % is luck',
    ),
    item('fee', 'Fee', feeText(pool)),
    item(
      'minimum',
      'Pays from',
      kasText(pool.payouts.minimumSompi, 2),
      `Payments go out ${payoutInterval(pool)}`,
    ),
    item(
      'network',
      'Network',
      chain ? hashrateText(chain.hashrate) : '–',
      'Of all miners of this chain, estimated',
    ),
  );
}

function health({ pool }: PageState): Element {
  const { ready } = pool;
  if (ready.ok) return pill('all well', 'good');
  return pill(ready.reasons.join(' · ') || 'not ready', 'bad');
}

export const stripRegions: Regions = { strip, health };
