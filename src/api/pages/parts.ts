/** Pieces that all pages are put together from. */

import type { ExplorerTerms } from '../../ledger/views/pool-terms.ts';
import { type Child, type Element, h } from './element.ts';
import { agoText, exactText, kasText, shortened } from './format.ts';
import type { PageState } from './page-state.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'blue' | 'red' | 'muted' | 'plain';

/** Relative, with the exact time on hover; the browser keeps it current. */
export function timeAgo(iso: string, nowMs: number): Element {
  return h('time', { datetime: iso, title: exactText(iso), 'data-ago': true }, agoText(iso, nowMs));
}

export function pill(text: string, tone: Tone, title?: string): Element {
  return h('span', { class: 'pill', 'data-tone': tone, title }, text);
}

/** Text to be copied. The button does nothing without a script, so the style sheet shows it only with one. */
export function copyable(text: string, what: string): Element {
  return h(
    'span',
    { class: 'copyable' },
    h('code', null, text),
    h('button', { type: 'button', class: 'copy', 'data-copy': text, 'aria-label': `Copy ${what}` }, 'Copy'),
  );
}

/** Exact on hover, four places to the eye. */
export function amount(sompi: string, places = 4): Element {
  return h('span', { class: 'amount', title: kasText(sompi) }, kasText(sompi, places));
}

export interface Column {
  readonly label: string;
  readonly number?: boolean;
  /** Hidden where there is little room. */
  readonly minor?: boolean;
  /** A line of its own on a phone. */
  readonly wide?: boolean;
}

/** On a phone a row becomes a card, and each cell carries its column's name. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Child[])[],
  emptyText: string,
): Element {
  if (rows.length === 0) return h('p', { class: 'empty' }, emptyText);
  const className = ({ number, minor, wide }: Column): string | undefined =>
    [number && 'number', minor && 'minor', wide && 'wide'].filter(Boolean).join(' ') || undefined;
  return h(
    'table',
    { class: 'rows' },
    h('caption', { class: 'unseen' }, caption),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        columns.map((column) => h('th', { scope: 'col', class: className(column) }, column.label)),
      ),
    ),
    h(
      'tbody',
      null,
      rows.map((cells) =>
        h(
          'tr',
          null,
          cells.map((cell, at) => {
            const column = columns[at]!;
            return h('td', { class: className(column), 'data-label': column.label }, cell);
          }),
        ),
      ),
    ),
  );
}

/** `note` below the figure. */
export function tile(label: string, figure: Child, note: Child, className = ''): Element {
  return h(
    'div',
    { class: `tile ${className}`.trim() },
    h('dt', null, label),
    h('dd', { class: 'figure' }, figure),
    h('dd', { class: 'note' }, note),
  );
}

export function section(id: string, title: string, ...children: readonly Child[]): Element {
  return h(
    'section',
    { id, 'aria-labelledby': `${id}-title` },
    h('h2', { id: `${id}-title` }, title),
    children,
  );
}

/** Where the browser draws anew. */
export function region(name: string, content: Element | undefined): Element {
  return h('div', { 'data-region': name }, content);
}

/** A plain link to somewhere else: the other side must not learn who looks. */
function outside(template: string, key: 'txid' | 'hash', value: string, text: Child): Element | undefined {
  if (template === '' || value === '') return undefined;
  const href = template.replaceAll(`{${key}}`, () => encodeURIComponent(value));
  return h('a', { href, rel: 'noreferrer noopener' }, text);
}

export function transactionLink(explorer: ExplorerTerms, txid: string): Child {
  if (txid === '') return h('span', { class: 'muted' }, 'not signed yet');
  const text = h('code', { title: txid }, shortened(txid, 8, 6));
  return outside(explorer.transaction, 'txid', txid, text) ?? text;
}

export function blockLink(explorer: ExplorerTerms, hash: string): Child {
  const text = h('code', { title: hash }, shortened(hash, 8, 6));
  return outside(explorer.block, 'hash', hash, text) ?? text;
}

export function minerHref(address: string): string {
  return `/miners/${encodeURIComponent(address).replaceAll('%3A', ':')}`;
}

export function addressLink(address: string, head = 16): Element {
  return h('a', { href: minerHref(address), title: address }, h('code', null, shortened(address, head, 6)));
}

/** Links that work without a script. `next` null: this was the last page. */
export function pager(path: string, key: string, next: string | null, isFirst: boolean): Element | undefined {
  if (isFirst && next === null) return undefined;
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'Pages of this list' },
    isFirst ? undefined : h('a', { href: path }, '« Newest'),
    next === null
      ? undefined
      : h('a', { href: `${path}${path.includes('?') ? '&' : '?'}${key}=${next}` }, 'Older »'),
  );
}

/** What this network's addresses begin with, from the login that the pool shows. */
export function addressPrefix({ pool }: Pick<PageState, 'pool'>): string {
  return pool.loginFormat.slice(0, pool.loginFormat.indexOf(':') + 1);
}

/** The same form everywhere; the browser adds a check of the shape and remembers what was asked. */
export function addressForm(id: string, prefix: string, label = 'Your payout address'): Element {
  return h(
    'form',
    { class: 'find', action: '/miners', method: 'get', role: 'search', 'data-find': true },
    h('label', { for: id }, label),
    h(
      'div',
      { class: 'find-row' },
      h('input', {
        id,
        name: 'address',
        type: 'text',
        placeholder: `${prefix}q…`,
        autocomplete: 'off',
        autocapitalize: 'none',
        spellcheck: 'false',
        required: true,
        'data-prefix': prefix,
        'aria-describedby': `${id}-hint`,
      }),
      h('button', { type: 'submit', class: 'primary' }, 'Show'),
    ),
    h(
      'p',
      { id: `${id}-hint`, class: 'hint', 'data-hint': true },
      `It begins with ${prefix} then 61 or 63 letters and digits.`,
    ),
  );
}
