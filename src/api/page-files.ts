/**
 * The page: files of `src/api/page/`, read once, and the HTML with the last snapshot's numbers filled in.
 *
 * What the numbers look like is said once, in `page/view.js`, which the browser and this file both run. It gives texts; here
 * they are escaped into HTML, there they go through `textContent`. A worker name is never markup on either way.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectPath } from '../kit/project-root.ts';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';
import { encodedAhead } from './content-coding.ts';
import type { HttpResponse } from './http-engine.ts';
import { etagOf, type PublishedSnapshot } from './published.ts';

export interface PageAsset {
  readonly path: string;
  readonly contentType: string;
  readonly etag: string;
  readonly body: Uint8Array;
  readonly encoded: HttpResponse['encoded'];
}

export interface PageFiles {
  readonly assets: readonly PageAsset[];
  render(published: PublishedSnapshot): string;
}

/** What `view.js` makes of a snapshot. */
export interface PageView {
  /** By `data-field`. */
  readonly fields: Readonly<Record<string, string>>;
  /** By `data-tone-of`: good, warn, bad or plain; the style sheet gives them colours. */
  readonly tones: Readonly<Record<string, string>>;
  /** By `data-rows`. */
  readonly rows: Readonly<Record<string, readonly (readonly PageCell[])[]>>;
}

export interface PageCell {
  readonly text: string;
  readonly title?: string;
  readonly tone?: string;
  /** Set in a fixed-width face. */
  readonly code?: boolean;
  /** A number: aligned to the right. */
  readonly number?: boolean;
  /** The browser adds a copy button. */
  readonly copy?: boolean;
  readonly span?: number;
  /** The column's name, for layouts without a head. */
  readonly label?: string;
}

type ViewOf = (snapshot: PoolSnapshot) => PageView;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export async function loadPage(folder: string = projectPath('src', 'api', 'page')): Promise<PageFiles> {
  const template = readFileSync(join(folder, 'index.html'), 'utf8');
  const { viewOf } = (await import(pathToFileURL(join(folder, 'view.js')).href)) as { viewOf: ViewOf };
  const assets: PageAsset[] = [];
  for (const name of readdirSync(folder)) {
    const contentType = CONTENT_TYPES[extname(name)];
    if (!contentType) continue;
    const body = readFileSync(join(folder, name));
    assets.push({
      path: `/assets/${name}`,
      contentType,
      etag: etagOf(body),
      body,
      encoded: encodedAhead(body),
    });
  }
  return {
    assets,
    render: ({ snapshot }) => fillPage(template, viewOf(snapshot)),
  };
}

/**
 * Fills the places that the browser's script fills, too: `data-field="x">old<`, `data-rows="x"><` and `data-tone-of="x"`.
 * The template is ours and tested, so patterns do; nothing that comes from outside is ever searched.
 */
export function fillPage(template: string, view: PageView): string {
  return template
    .replace(/(data-field="(\w+)"[^>]*>)[^<]*/g, (_, open: string, name: string) => {
      return open + escapeHtml(view.fields[name] ?? '');
    })
    .replace(/(data-rows="(\w+)"[^>]*>)/g, (_, open: string, name: string) => {
      return open + (view.rows[name] ?? []).map(rowHtml).join('');
    })
    .replace(/data-tone-of="(\w+)"/g, (whole: string, name: string) => {
      return `${whole} data-tone="${escapeHtml(view.tones[name] ?? 'plain')}"`;
    });
}

function rowHtml(cells: readonly PageCell[]): string {
  return `<tr>${cells.map(cellHtml).join('')}</tr>`;
}

function cellHtml(cell: PageCell): string {
  const attributes = [
    cell.title === undefined ? '' : ` title="${escapeHtml(cell.title)}"`,
    cell.number ? ' class="number"' : '',
    cell.tone === undefined ? '' : ` data-tone="${escapeHtml(cell.tone)}"`,
    cell.label === undefined ? '' : ` data-label="${escapeHtml(cell.label)}"`,
    cell.span === undefined ? '' : ` colspan="${Math.trunc(cell.span)}"`,
  ];
  const tag = cell.code ? 'code' : 'span';
  return `<td${attributes.join('')}><${tag}>${escapeHtml(cell.text)}</${tag}></td>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}
