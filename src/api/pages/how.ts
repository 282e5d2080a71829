/** "How this pool counts": the terms in force, in words and numbers, and how to check every one of its divisions. */
import { type Element, h } from './element.ts';
import { durationText, kasText, plural } from './format.ts';
import type { PageState } from './page-state.ts';
import { section, table } from './parts.ts';
import { feeText, payoutInterval } from './strip.ts';

type Scheme = PageState['pool']['schemes'][number];

/** Blocks a second of the network; the rest of the words does with "some". */
const PACE = 10;

function windowWords({ windowDifficulties }: Scheme): string {
  if (windowDifficulties === null) return 'the last work of the pool';
  const network = `${plural(windowDifficulties, 'block')}, some ${durationText(windowDifficulties / PACE)}`;
  return `the last work of the pool, as much as the whole network does for ${network}`;
}

const SCHEME_WORDS: Readonly<Record<string, (scheme: Scheme) => string>> = {
  pplns: (scheme) =>
    `Pays for ${windowWords(scheme)}. A block's reward goes to everybody who worked in that window, by work. Leaving early or coming late changes nothing in what a share is worth on average.`,
  prop: () => "A block's reward goes to everybody who worked since the block before, by work.",
  solo: () => 'Who finds a block gets its reward, alone.',
  pps: () => 'Every share is paid at once at what it is worth on average; the luck is the pool’s.',
  fpps: () =>
    'Every share is paid at once at what it is worth on average, fees of transactions included; the luck is the pool’s.',
  points: (scheme) =>
    `Work counts as points for ${scheme.roundMinutes === null ? 'a round' : durationText(scheme.roundMinutes * 60)}; what the round found is divided by them.`,
};

function schemeTable({ pool }: PageState): Element {
  return table(
    'Schemes of this pool',
    [
      { label: 'Scheme' },
      { label: 'Ports' },
      { label: 'Fee', number: true },
      { label: 'In words', wide: true },
    ],
    pool.schemes.map((scheme) => [
      h('strong', null, scheme.scheme),
      pool.ports
        .filter((port) => port.scheme === scheme.scheme)
        .map(({ label }) => label)
        .join(', ') || '–',
      `${scheme.feePercent}\u00a0%`,
      h(
        'span',
        null,
        SCHEME_WORDS[scheme.scheme]?.(scheme) ?? '',
        scheme.finderBonusPercent > 0 && ` Its finder gets ${scheme.finderBonusPercent}\u00a0% first.`,
      ),
    ]),
    'No scheme is in force: no port is open.',
  );
}

function payments({ pool }: PageState): Element {
  const { payouts } = pool;
  const facts: readonly (readonly [string, string])[] = [
    ['Fee', `${feeText(pool)} of what an account earns`],
    [
      'Paid from',
      `${kasText(payouts.minimumSompi)}; an account may ask for another threshold, from ${kasText(payouts.leastThresholdSompi)} on`,
    ],
    ['Payments go out', payoutInterval(pool)],
    ['Network fee', 'What a payment costs is taken from what is paid, never from others'],
    [
      'A reward matures',
      `after ${plural(payouts.maturityDaa, 'unit')} of DAA score: the network's rule, some ${durationText(payouts.maturityDaa / PACE)} at ten blocks a second`,
    ],
    [
      'Amounts',
      'Whole sompi. What cannot be divided goes to the largest remainders; nothing is lost and nothing is made',
    ],
  ];
  return h(
    'dl',
    { class: 'facts' },
    facts.map(([label, text]) => [h('dt', null, label), h('dd', null, text)]),
  );
}

function paragraphs(...texts: readonly (string | Element)[]): Element[] {
  return texts.map((text) => (typeof text === 'string' ? h('p', null, text) : text));
}

/** @returns what stands in `main`. */
export function how(state: PageState): Element[] {
  return [
    h('h1', null, 'How this pool counts'),
    h(
      'p',
      { class: 'lead' },
      'What is paid, for what, and when; and how anybody can recompute it without trusting this page.',
    ),
    section('schemes', 'Schemes in force', schemeTable(state)),
    h(
      'div',
      { class: 'texts' },
      section(
        'shares',
        'From a hash to a credit',
        ...paragraphs(
          'A share is credited at the difficulty that it was checked against, never at the luck of its hash. Difficulty 1 stands for 2^32 hashes, so a hashrate is credited difficulty × 2^32 ÷ seconds.',
          'A share that was answered with true is on disk before the answer goes out. It counts once, whatever connection or job it is sent under again.',
          'Shares that come too late for their job are answered "stale" and not credited. On this chain a job stays worth its work for ten seconds and more; a hash that is good enough for a block is sent to the network whatever its job’s age.',
        ),
      ),
      section(
        'colours',
        'Blue and red blocks',
        ...paragraphs(
          'The chain is a graph: many blocks are found at the same time, and a later block merges them. Merged blue, a block is paid; merged red, it is not. That is decided by how soon the network saw it, not by the pool, and it is known some seconds after the block was found.',
          'Only a reward that the chain has paid to the pool is divided, when it has matured. No reward is ever assumed.',
        ),
      ),
      section(
        'effort',
        'Effort and luck',
        ...paragraphs(
          'Effort is the work since the block before, in blocks expected: 100 % is as expected, 50 % was quick, 200 % slow. Luck is the other way round, over seven days: blocks found of blocks expected.',
          'Neither changes what a share is worth on average.',
        ),
      ),
    ),
    section('payments', 'Payments', payments(state)),
    section(
      'check',
      'Check it yourself',
      h(
        'ol',
        { class: 'steps' },
        h(
          'li',
          null,
          'Take any block of ',
          h('a', { href: '/blocks' }, 'the list of blocks'),
          ' whose reward was divided and download its split: a file with the reward, the window, the work of every account in it, and what each got.',
        ),
        h(
          'li',
          null,
          'Run ',
          h('code', null, 'sluice verify reward FILE'),
          '. It recomputes every line from the work, with no database and no network, and says what differs.',
        ),
        h(
          'li',
          null,
          'Look for your own address in the file. The work that stands beside it is what your rigs were credited with in that window.',
        ),
      ),
    ),
  ];
}
