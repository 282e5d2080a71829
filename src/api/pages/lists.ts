/** Tables of blocks and of payments. */

import type { ExplorerTerms } from '../../ledger/views/pool-terms.ts';
import type { PageOf } from '../schemas/field.ts';
import type { MinerPayment, MinerReward } from '../schemas/miner.ts';
import type { BlockRow, PayoutRow } from '../schemas/pool.ts';
import { type Element, h } from './element.ts';
import { countText, kasText, ratioText } from './format.ts';
import { amount, blockLink, type Column, pill, type Tone, table, timeAgo, transactionLink } from './parts.ts';

interface Shown {
  readonly nowMs: number;
  readonly explorer: ExplorerTerms;
}

const BLOCK_STATES: Readonly<Record<BlockRow['state'], readonly [string, Tone, string]>> = {
  candidate: ['found', 'muted', 'Met the network target; on its way to the nodes'],
  submitted: ['sent', 'muted', 'Sent to the nodes, no answer yet'],
  accepted: ['waiting', 'muted', 'Taken by a node; the chain has not merged it yet'],
  refused: ['refused', 'bad', 'No node took it'],
  blue: ['blue', 'blue', 'Merged and paid by the chain; its reward matures'],
  red: ['red', 'red', 'Merged, but not paid by the chain'],
  matured: ['blue, credited', 'good', 'Its reward is in the books and was divided'],
  orphaned: ['orphaned', 'red', 'Came to nothing'],
};

const BLOCK_COLUMNS: readonly Column[] = [
  { label: 'Found' },
  { label: 'State' },
  { label: 'Reward', number: true },
  { label: 'Effort', number: true },
  { label: 'Worker' },
  { label: 'Block' },
  { label: 'Check' },
];

/** Slow blocks are nobody's fault: the colour is only a help to the eye. */
function effortTone(effort: number): Tone {
  return effort <= 1 ? 'good' : effort <= 2 ? 'plain' : 'warn';
}

function blockCells(block: BlockRow, { nowMs, explorer }: Shown): (Element | string)[] {
  const [text, tone, meaning] = BLOCK_STATES[block.state];
  return [
    timeAgo(block.at, nowMs),
    h(
      'span',
      null,
      pill(text, tone, meaning),
      block.causes.length > 0 && h('small', { class: 'causes' }, block.causes.join(' · ')),
    ),
    block.rewardSompi === null ? h('span', { class: 'muted' }, '–') : amount(block.rewardSompi),
    block.effort === null
      ? h('span', { class: 'muted' }, '–')
      : h('span', { 'data-tone': effortTone(block.effort) }, ratioText(block.effort)),
    h('span', { class: 'name' }, block.worker === '' ? '–' : block.worker),
    h('span', null, blockLink(explorer, block.hash)),
    block.settlements.length === 0
      ? ''
      : h(
          'span',
          null,
          block.settlements.map((id) => settlementLink(id)),
        ),
  ];
}

export function settlementLink(id: string): Element {
  return h(
    'a',
    {
      href: `/api/v1/settlements/${encodeURIComponent(id)}`,
      download: `settlement-${id}.json`,
      class: 'settlement',
    },
    `split ${id}`,
  );
}

export function blockTable(blocks: readonly BlockRow[], shown: Shown): Element {
  return table(
    'Blocks that this pool found, newest first',
    BLOCK_COLUMNS,
    blocks.map((block) => blockCells(block, shown)),
    'No block yet. Each one that this pool finds will be listed here, with its colour and what it took.',
  );
}

const PAYOUT_STATES: Readonly<Record<string, readonly [string, Tone]>> = {
  PLANNED: ['planned', 'muted'],
  SIGNED: ['signed', 'muted'],
  BROADCAST: ['sent', 'blue'],
  ACCEPTED: ['accepted', 'blue'],
  CONFIRMED: ['confirmed', 'good'],
  CONFLICTED: ['conflicted', 'bad'],
  CANCELLED: ['cancelled', 'warn'],
};

function payoutState(state: string): Element {
  const [text, tone] = PAYOUT_STATES[state] ?? [state.toLowerCase(), 'plain'];
  return pill(text, tone);
}

export function payoutTable(payouts: readonly PayoutRow[], { nowMs, explorer }: Shown): Element {
  return table(
    'Payouts of this pool, newest first',
    [
      { label: 'When' },
      { label: 'State' },
      { label: 'Paid', number: true },
      { label: 'To', number: true },
      { label: 'Network fee', number: true },
      { label: 'Transaction' },
    ],
    payouts.map((payout) => [
      timeAgo(payout.at, nowMs),
      payoutState(payout.state),
      amount(payout.paidSompi),
      `${countText(payout.payees)} ${payout.payees === 1 ? 'miner' : 'miners'}`,
      kasText(payout.feeSompi),
      transactionLink(explorer, payout.txid),
    ]),
    'No payment yet. The first goes out when a balance reaches its threshold.',
  );
}

export function paymentTable(payments: PageOf<MinerPayment>, { nowMs, explorer }: Shown): Element {
  return table(
    'Payments to this address, newest first',
    [
      { label: 'When' },
      { label: 'State' },
      { label: 'Received', number: true },
      { label: 'Network fee', number: true },
      { label: 'Transaction' },
    ],
    payments.items.map((payment) => [
      timeAgo(payment.at, nowMs),
      payoutState(payment.state),
      amount(payment.outputSompi),
      kasText(payment.feeSompi),
      transactionLink(explorer, payment.txid),
    ]),
    'No payment yet. The first goes out when the balance reaches the threshold.',
  );
}

export function rewardTable(rewards: PageOf<MinerReward>, { nowMs, explorer }: Shown): Element {
  return table(
    'Rewards of this address, newest first',
    [
      { label: 'When' },
      { label: 'Scheme' },
      { label: 'Part of the work', number: true },
      { label: 'Credited', number: true },
      { label: 'Pool fee', number: true },
      { label: 'Blocks' },
      { label: 'Check' },
    ],
    rewards.items.map((reward) => [
      timeAgo(reward.at, nowMs),
      reward.scheme,
      `${reward.sharePercent.toFixed(reward.sharePercent < 1 ? 4 : 2)}\u00a0%`,
      amount(reward.creditSompi),
      amount(reward.feeSompi),
      h(
        'span',
        { class: 'hashes' },
        reward.blocks.slice(0, 3).map((hash) => blockLink(explorer, hash)),
        reward.blocks.length > 3 && h('span', { class: 'muted' }, `and ${reward.blocks.length - 3} more`),
      ),
      settlementLink(reward.settlementId),
    ]),
    'No reward yet. A block that the pool finds is divided when its reward has matured.',
  );
}
