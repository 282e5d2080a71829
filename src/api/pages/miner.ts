/** One miner's page. First one sentence: is it earning? Then what it is made of. */

import type { MinerView, WorkerView } from '../schemas/miner.ts';
import { type Element, h } from './element.ts';
import {
  agoText,
  durationText,
  exactText,
  hashrateText,
  kasText,
  percentText,
  plural,
  sumOf,
  untilText,
} from './format.ts';
import type { PageState, Regions } from './page-state.ts';
import { amount, type Tone, tile, timeAgo } from './parts.ts';
import { refusalRegion } from './refusals.ts';
import { workersRegion } from './workers.ts';

const DAY_MS = 86_400_000;

/** More than this part of an hour's shares refused costs real money. */
const REFUSED_TOO_MANY = 0.05;
/** Fewer shares than this say nothing about a part. */
const REFUSED_COUNT_MIN = 5;

export interface Verdict {
  readonly word: 'Yes' | 'Not yet' | 'No' | 'Partly';
  readonly tone: Tone;
  readonly sentence: string;
}

function refusedPart({ shares: { h1 } }: MinerView): number {
  const refused = sumOf(h1.rejected);
  return refused < REFUSED_COUNT_MIN ? 0 : refused / (refused + h1.accepted);
}

function worst(workers: readonly WorkerView[]): WorkerView | undefined {
  return workers.find(({ state }) => state !== 'online');
}

function lastWords(miner: MinerView, nowMs: number): string {
  return miner.lastShareAt === null ? '' : ` The last share came ${agoText(miner.lastShareAt, nowMs)}.`;
}

/** "Is it earning?" */
export function earning(miner: MinerView, workers: readonly WorkerView[], nowMs: number): Verdict {
  const { online, idle, offline } = miner.workers;
  const all = online + idle + offline;
  if (miner.lastShareAt === null) {
    const sentence =
      online + idle > 0
        ? 'Connected, and no share was accepted so far. The first one can take some minutes on a port that is too hard.'
        : 'No share of this address was accepted so far.';
    return { word: 'Not yet', tone: 'warn', sentence };
  }
  if (online === 0) {
    const sentence =
      idle > 0
        ? `${plural(idle, 'worker')} connected, but none sent a share in the last 10 minutes.`
        : 'Nothing of this address is connected.';
    return { word: 'No', tone: 'bad', sentence: sentence + lastWords(miner, nowMs) };
  }
  const refused = refusedPart(miner);
  if (refused > REFUSED_TOO_MANY) {
    const sentence = `${plural(online, 'worker')} earning, but ${percentText(refused, 1)} of the last hour's shares were refused. The reasons are below.`;
    return { word: 'Partly', tone: 'warn', sentence };
  }
  if (online < all) {
    const one = worst(workers);
    const who = one
      ? `: ${one.name || 'one without a name'} ${one.lastShareAt === null ? 'never sent a share' : `sent its last share ${agoText(one.lastShareAt, nowMs)}`}`
      : '';
    const stopped = all - online;
    const sentence = `${plural(online, 'worker')} earning, ${plural(stopped, 'worker')} ${stopped === 1 ? 'is' : 'are'} not${who}.`;
    return { word: 'Partly', tone: 'warn', sentence };
  }
  const sentence = all === 1 ? 'Its worker is earning.' : `All ${plural(all, 'worker')} are earning.`;
  return { word: 'Yes', tone: 'good', sentence: sentence + lastWords(miner, nowMs) };
}

function verdict({ miner, workers, nowMs }: PageState): Element | undefined {
  if (!miner) return undefined;
  const { word, tone, sentence } = earning(miner, workers?.items ?? [], nowMs);
  return h(
    'p',
    { class: 'verdict', 'data-tone': tone },
    h('span', { class: 'question' }, 'Is it earning?'),
    ' ',
    h('strong', null, `${word}.`),
    ' ',
    sentence,
  );
}

/** How the hour compares with the day, where there is a whole day to compare with. */
function trend({ hashrate, firstSeenAt }: MinerView, nowMs: number): Element | string {
  const { h1: now, h24: before } = hashrate;
  const isNew = !firstSeenAt || nowMs - Date.parse(firstSeenAt) < DAY_MS;
  if (isNew || before <= 0 || now <= 0) return '';
  const change = now / before - 1;
  if (Math.abs(change) < 0.02) return h('span', { class: 'muted' }, 'steady');
  const text = `${change > 0 ? '▲' : '▼'}\u00a0${Math.abs(100 * change).toFixed(0)}\u00a0%`;
  return h(
    'span',
    { 'data-tone': change > -0.2 ? 'plain' : 'warn', title: 'Against the last 24 hours' },
    text,
  );
}

/** A part of the threshold, as a meter that is also read aloud. */
function progress({ balanceSompi, threshold }: MinerView): Element {
  const whole = BigInt(threshold.sompi);
  const part = whole === 0n ? 100n : (BigInt(balanceSompi) * 100n) / whole;
  const percent = part > 100n ? 100 : Number(part < 0n ? 0n : part);
  return h(
    'span',
    { class: 'threshold' },
    h(
      'progress',
      { max: '100', value: percent, 'aria-label': 'Balance on its way to the threshold' },
      `${percent} %`,
    ),
    h(
      'span',
      null,
      `${percent}\u00a0% of ${kasText(threshold.sompi, 2)}${threshold.asked ? ', as you asked' : ''}`,
    ),
  );
}

function nextPayout(
  { nextPayout: next, inFlightSompi }: MinerView,
  nowMs: number,
): [Element | string, Element | string] {
  const onTheWay = inFlightSompi === '0' ? '' : `${kasText(inFlightSompi, 4)} on the way`;
  if (next.paysNow) {
    const when = next.at === null ? 'the payer is not running' : `about ${untilText(next.at, nowMs)}`;
    return [
      amount(next.estimateSompi),
      h(
        'span',
        null,
        next.at === null ? when : h('time', { datetime: next.at, title: exactText(next.at) }, when),
        onTheWay && ` · ${onTheWay}`,
      ),
    ];
  }
  if (next.reachedInSeconds === null) {
    return ['–', onTheWay || 'unknown: nothing was earned in 24 hours'];
  }
  return [
    `in ~${durationText(roughly(next.reachedInSeconds))}`,
    onTheWay || "until the threshold, at the last day's earnings",
  ];
}

/** An estimate must not look exact: hours as hours, days as days. */
function roughly(seconds: number): number {
  const step = seconds > 172_800 ? 86_400 : seconds > 7_200 ? 3_600 : 300;
  return Math.max(step, Math.round(seconds / step) * step);
}

function tiles({ miner, nowMs }: PageState): Element | undefined {
  if (!miner) return undefined;
  const { hashrate, workers } = miner;
  const [next, nextNote] = nextPayout(miner, nowMs);
  return h(
    'dl',
    { class: 'tiles' },
    tile(
      'Hashrate, 10 min',
      hashrateText(hashrate.m10),
      h(
        'span',
        null,
        `1 h ${hashrateText(hashrate.h1)} `,
        trend(miner, nowMs),
        ` · 24 h ${hashrateText(hashrate.h24)}`,
      ),
      'wide',
    ),
    tile(
      'Workers',
      h(
        'span',
        null,
        String(workers.online),
        h('small', null, ` of ${workers.online + workers.idle + workers.offline}`),
      ),
      h(
        'span',
        null,
        workers.idle > 0 && h('span', { 'data-tone': 'warn' }, `${workers.idle} idle`),
        workers.idle > 0 && workers.offline > 0 && ' · ',
        workers.offline > 0 && h('span', { 'data-tone': 'bad' }, `${workers.offline} offline`),
        workers.idle + workers.offline === 0 && 'all online',
      ),
    ),
    tile('Balance', amount(miner.balanceSompi), progress(miner)),
    tile('Next payment', next, nextNote),
    tile(
      'Earned, 24 h',
      amount(miner.earned24hSompi),
      h('span', null, amount(miner.immatureSompi), ' not mature yet, estimated'),
    ),
    tile(
      'Paid, ever',
      amount(miner.paidSompi),
      h('span', null, 'first seen ', timeAgo(miner.firstSeenAt, nowMs)),
    ),
  );
}

export const minerRegions: Regions = { verdict, tiles, workers: workersRegion, refusals: refusalRegion };
