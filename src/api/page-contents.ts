/** What stands on each page, drawn from what was read. Pure: (state) -> main. The address bar decides which; `page-routes` reads. */
import { chart } from './pages/chart.ts';
import { type Child, type Element, h } from './pages/element.ts';
import { homeRegions } from './pages/home.ts';
import { blockTable, paymentTable, payoutTable, rewardTable } from './pages/lists.ts';
import { minerRegions } from './pages/miner.ts';
import type { PageState, Regions } from './pages/page-state.ts';
import { addressForm, addressPrefix, copyable, minerHref, pager, region, section } from './pages/parts.ts';
import type { PageOf } from './schemas/field.ts';
import type { BlockRow, PayoutRow } from './schemas/pool.ts';

const AWAY =
  'The database does not answer just now. Mining goes on, and nothing is lost; this part comes back by itself.';

const away = (): Element => h('p', { class: 'empty' }, AWAY);

function drawn(regions: Regions, name: string, state: PageState): Element {
  return region(name, regions[name]!(state) ?? away());
}

export function homeMain(state: PageState): Child[] {
  const of = (name: string): Element => drawn(homeRegions, name, state);
  return [
    h(
      'div',
      { class: 'hero' },
      h(
        'section',
        { class: 'hero-pool', 'aria-labelledby': 'pool-title' },
        h('h1', { id: 'pool-title' }, 'Pool hashrate'),
        of('now'),
        state.poolSeries ? chart(state.poolSeries, '/', 'Hashrate of the pool') : away(),
      ),
      h(
        'section',
        { class: 'hero-find', 'aria-labelledby': 'find-title' },
        h('h2', { id: 'find-title' }, 'Find your miners'),
        addressForm('find', addressPrefix(state)),
        h('p', { class: 'remembered', 'data-remembered': true, hidden: true }),
        h(
          'p',
          { class: 'note' },
          'No account and no login: what you earn belongs to the address that your miner logs in with. ',
          h('a', { href: '#connect' }, 'Connect a miner'),
        ),
        of('rounds'),
      ),
    ),
    section(
      'connect',
      'Connect a miner',
      h(
        'div',
        { class: 'two' },
        of('connect'),
        h(
          'div',
          { class: 'seen', 'data-seen': true },
          h('p', null, 'With your address filled in, this place tells when your first share is here.'),
        ),
      ),
      h('h3', null, 'Ports'),
      of('ports'),
      h(
        'p',
        { class: 'note' },
        'User: your payout address, a dot, a name for the rig. Password: anything; d=4096 asks for a difficulty where the port adjusts.',
      ),
    ),
    section(
      'blocks',
      'Last blocks',
      of('blocks'),
      h('p', { class: 'more' }, h('a', { href: '/blocks' }, 'All blocks')),
    ),
    h(
      'div',
      { class: 'pair' },
      section('refused', 'Why shares were refused', of('refused')),
      section('state', 'State of the pool', of('parts')),
    ),
  ];
}

function minerHead(address: string): Element {
  return h(
    'div',
    { class: 'miner-head' },
    h('h1', null, 'Miner'),
    h('p', { class: 'address' }, copyable(address, 'the address')),
  );
}

/** Cursors of the two lists; each turns its pages by itself. */
export interface MinerCursors {
  readonly payments: string;
  readonly rewards: string;
}

export function minerMain(address: string, state: PageState, cursors: MinerCursors): Child[] {
  const path = minerHref(address);
  const of = (name: string): Element => drawn(minerRegions, name, state);
  return [
    minerHead(address),
    of('verdict'),
    of('tiles'),
    section(
      'hashrate',
      'Hashrate',
      state.minerSeries ? chart(state.minerSeries, path, 'Hashrate of this miner') : away(),
    ),
    section('workers', 'Workers', workerTools(), of('workers')),
    section('why', 'Why shares were refused', h('p', { class: 'note' }, 'The last hour.'), of('refusals')),
    h(
      'div',
      { class: 'lists' },
      section(
        'payments',
        'Payments',
        state.payments ? paymentTable(state.payments, state) : away(),
        state.payments && pager(path, 'payments', state.payments.next, cursors.payments === ''),
      ),
      section(
        'rewards',
        'Rewards',
        state.rewards ? rewardTable(state.rewards, state) : away(),
        state.rewards && pager(path, 'rewards', state.rewards.next, cursors.rewards === ''),
      ),
    ),
    settings(),
  ];
}

/** Only with a script: the style sheet hides what needs one. */
function workerTools(): Element {
  return h(
    'div',
    { class: 'tools scripted' },
    h('label', { for: 'filter' }, 'Filter'),
    h('input', {
      id: 'filter',
      type: 'search',
      'data-filter': true,
      placeholder: 'name, agent, offline …',
      autocomplete: 'off',
    }),
    h('button', { type: 'button', class: 'plain', 'data-csv': true }, 'Save as CSV'),
    h(
      'button',
      { type: 'button', class: 'plain', 'data-alerts': true, 'aria-pressed': 'false' },
      'Tell me when a worker stops',
    ),
  );
}

function settings(): Element {
  return section(
    'settings',
    'Your threshold',
    h(
      'p',
      null,
      'There is no login. Who can sign with the key of this address may change from which balance on it is paid, and that takes one signed message.',
    ),
    h(
      'ol',
      { class: 'steps' },
      h('li', null, 'Take the message below and put your threshold into it.'),
      h('li', null, 'Sign exactly that text with your wallet: "sign message", with the key of this address.'),
      h('li', null, 'Send the text and the signature. The time in the message must be that of today.'),
    ),
    h(
      'details',
      { class: 'scripted', 'data-settings-frame': true },
      h('summary', null, 'Write the message'),
      h(
        'form',
        { class: 'settings', 'data-settings': true },
        h('label', { for: 'message' }, 'Message'),
        h('textarea', { id: 'message', rows: '8', spellcheck: 'false' }),
        h('label', { for: 'signature' }, 'Signature, hex'),
        h('input', { id: 'signature', type: 'text', autocomplete: 'off', spellcheck: 'false' }),
        h('button', { type: 'submit', class: 'primary' }, 'Send'),
        h('p', { class: 'hint', role: 'status', 'data-outcome': true }),
      ),
    ),
    h(
      'p',
      { class: 'scriptless' },
      'The text to sign is at ',
      h('a', { href: '/api/v1/settings' }, '/api/v1/settings'),
      '; it is sent back there by POST.',
    ),
  );
}

export function unknownMinerMain(address: string, state: PageState): Child[] {
  return [
    minerHead(address),
    h(
      'p',
      { class: 'verdict', 'data-tone': 'warn' },
      h('span', { class: 'question' }, 'Is it earning?'),
      ' ',
      h('strong', null, 'Not yet.'),
      ' No share of this address was accepted so far.',
    ),
    h(
      'div',
      { class: 'seen', 'data-seen': true },
      h('p', null, 'This page shows your miner as soon as its first share is here.'),
    ),
    section(
      'check-list',
      'What to look at',
      h(
        'ul',
        null,
        h('li', null, 'Is it this address that stands in the user field of the miner, up to the dot?'),
        h(
          'li',
          null,
          'Is the miner on? A small one on a hard port may take minutes for its first share: take an easier port.',
        ),
        h('li', null, 'Does its log say "unauthorized"? Then the address has a typing error in the miner.'),
        h(
          'li',
          null,
          'Does it say "connection refused" or "timeout"? Then host or port are wrong, or a firewall is between.',
        ),
      ),
    ),
    section(
      'connect',
      'Connect a miner',
      drawn(homeRegions, 'connect', state),
      h('h3', null, 'Ports'),
      drawn(homeRegions, 'ports', state),
    ),
  ];
}

export function badAddressMain(reason: string, state: PageState): Child[] {
  return [
    h('h1', null, 'That is no address of this pool'),
    h('p', { class: 'lead' }, reason),
    section('find-again', 'Find your miners', addressForm('find', addressPrefix(state))),
  ];
}

export function blocksMain(state: PageState, page: PageOf<BlockRow>, isFirst: boolean): Child[] {
  return [
    h('h1', null, 'Blocks'),
    h(
      'p',
      { class: 'lead' },
      'A blue block is paid by the chain, a red one is not. Effort is the work since the block before, in blocks expected: 100 % is as expected. ',
      h('a', { href: '/how#colours' }, 'How this pool counts'),
    ),
    h(
      'section',
      { class: 'bare', 'aria-label': 'Blocks' },
      isFirst ? region('blocks', blockTable(page.items, state)) : blockTable(page.items, state),
    ),
    pager('/blocks', 'cursor', page.next, isFirst),
  ];
}

export function paymentsMain(state: PageState, page: PageOf<PayoutRow>, isFirst: boolean): Child[] {
  return [
    h('h1', null, 'Payments'),
    h(
      'p',
      { class: 'lead' },
      'One transaction pays many miners. What it costs is taken from what it pays. ',
      h('a', { href: '/how#payments' }, 'When and from what on'),
    ),
    h('section', { class: 'bare', 'aria-label': 'Payments' }, payoutTable(page.items, state)),
    pager('/payments', 'cursor', page.next, isFirst),
  ];
}

export function nowhereMain(state: PageState): Child[] {
  return [
    h('h1', null, 'There is no such page'),
    h('p', { class: 'lead' }, 'The address may have a typing error. ', h('a', { href: '/' }, 'To the pool')),
    section('find-again', 'Find your miners', addressForm('find', addressPrefix(state))),
  ];
}

export function faultMain(title: string, text: string): Child[] {
  return [
    h('h1', null, title),
    h('p', { class: 'lead' }, text),
    h('p', null, h('a', { href: '/' }, 'To the pool')),
  ];
}
