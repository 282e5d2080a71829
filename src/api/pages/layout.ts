/** The whole document around what a page shows. Only the server draws it. */
import { type Child, type Element, escapeHtml, h, toHtml } from './element.ts';
import type { PageState } from './page-state.ts';
import { region } from './parts.ts';
import { stripRegions } from './strip.ts';

export interface Document {
  readonly title: string;
  /** Path of the navigation's entry, '' = none of them. */
  readonly current: string;
  /** Folder of the assets. */
  readonly assets: string;
  /** Script of the page, by name. */
  readonly script: string;
  readonly withChart: boolean;
  /** undefined: nothing is known of the pool yet. */
  readonly state: PageState;
  readonly main: readonly Child[];
  /** For the script: JSON-safe. */
  readonly data: object;
}

const ENTRIES: readonly (readonly [href: string, text: string])[] = [
  ['/', 'Pool'],
  ['/blocks', 'Blocks'],
  ['/payments', 'Payments'],
  ['/how', 'How it counts'],
];

function header({ current, assets, state }: Document): Element {
  return h(
    'header',
    { class: 'top' },
    h(
      'a',
      { href: '/', class: 'brand' },
      h('img', { src: `${assets}icon.svg`, alt: '', width: '28', height: '28' }),
      h('span', null, 'Sluice'),
      h('span', { class: 'network' }, state.pool.network),
    ),
    h(
      'nav',
      { class: 'main-nav', 'aria-label': 'Pages' },
      ENTRIES.map(([href, text]) =>
        h('a', { href, 'aria-current': href === current ? 'page' : undefined }, text),
      ),
      h('a', { href: '/', class: 'mine', 'data-mine': true, hidden: true }, 'My miners'),
    ),
    h(
      'div',
      { class: 'state' },
      region('health', stripRegions.health!(state)),
      h(
        'span',
        { class: 'live', 'data-live': true, 'data-tone': 'muted' },
        `as of ${state.pool.at.slice(11, 19)} UTC`,
      ),
      h(
        'button',
        { type: 'button', class: 'theme', 'data-theme-switch': true, 'aria-label': 'Dark or light' },
        '◐',
      ),
    ),
  );
}

function footer({ state }: Document): Element {
  return h(
    'footer',
    null,
    h(
      'p',
      null,
      `Sluice ${state.pool.version} · `,
      h('a', { href: '/api/docs' }, 'API'),
      ' · ',
      h('a', { href: '/api/v1/pool' }, 'JSON'),
      ' · ',
      h('a', { href: '/how' }, 'How this pool counts'),
    ),
    h('p', null, 'No cookies, no requests to anybody else. Your address is kept in this browser alone.'),
  );
}

/** Inside a script element only `<` could end it. */
function dataElement(data: object): string {
  return `<script type="application/json" id="page-data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>`;
}

/** Without a script the numbers come anew with the page; every page can be had again by its own address. */
const REFRESH = '<noscript><meta http-equiv="refresh" content="15"></noscript>';

export function documentHtml(document: Document): string {
  const { assets, script, title, withChart, main, state, data } = document;
  const body = [
    h('a', { class: 'skip', href: '#main' }, 'Skip to the content'),
    header(document),
    h(
      'section',
      { class: 'strip-frame', 'aria-label': 'The pool in numbers' },
      region('strip', stripRegions.strip!(state)),
    ),
    h('div', { class: 'banner', role: 'alert', hidden: true, 'data-banner': true }),
    h('main', { id: 'main' }, main),
    footer(document),
  ];
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escapeHtml(title)}</title>`,
    '<meta name="description" content="Live numbers of this mining pool: hashrate, workers, blocks, payments, and how to connect.">',
    `<link rel="icon" href="${assets}icon.svg" type="image/svg+xml">`,
    `<link rel="stylesheet" href="${assets}pages.css">`,
    `<script src="${assets}theme.js"></script>`,
    ...(withChart ? [`<script src="${assets}uplot.js" defer></script>`] : []),
    `<script type="module" src="${assets}${script}"></script>`,
    REFRESH,
    '</head>',
    `<body>${body.map(toHtml).join('\n')}`,
    dataElement(data),
    '</body>',
    '</html>',
    '',
  ].join('\n');
}
