/**
 * The files that pages fetch: views (compiled from `pages/`, the very functions that the server draws with), scripts, style and icon
 * from `pages/browser/`, bundled to one script a page, and the chart library. Read once. They lie in a folder that is named by their content, so a browser keeps
 * them for ever and asks for none twice; a new build has another folder.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectPath } from '../kit/project-root.ts';
import { encodedAhead } from './content-coding.ts';
import type { HttpResponse } from './http-engine.ts';
import { bundleModules } from './page-bundle.ts';
import { etagOf } from './published.ts';

export interface PageAsset {
  readonly path: string;
  readonly contentType: string;
  readonly etag: string;
  readonly body: Uint8Array;
  /** Made once: they are sent as they are. */
  readonly encoded: HttpResponse['encoded'];
}

export interface PageAssets {
  /** Ends with a slash. */
  readonly folder: string;
  readonly files: readonly PageAsset[];
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Beside this file, compiled. */
const VIEWS = join(dirname(fileURLToPath(import.meta.url)), 'pages');
const BROWSER = projectPath('src', 'api', 'pages', 'browser');
/** One for each kind of page, with all that it imports. */
export const PAGE_SCRIPTS = ['app.js', 'home-page.js', 'miner-page.js'] as const;
export type PageScript = (typeof PAGE_SCRIPTS)[number];

function filesOf(folder: string): Map<string, Buffer> {
  return new Map(
    readdirSync(folder)
      .filter((name) => CONTENT_TYPES[extname(name)] !== undefined)
      .map((name) => [name, readFileSync(join(folder, name))]),
  );
}

function chartFile(name: string): Buffer {
  const folder = dirname(createRequire(import.meta.url).resolve('uplot/dist/uPlot.iife.min.js'));
  return readFileSync(join(folder, name));
}

export function loadPageAssets(): PageAssets {
  const modules = new Map(
    [...filesOf(VIEWS), ...filesOf(BROWSER)]
      .filter(([name]) => name.endsWith('.js'))
      .map(([name, body]) => [name, body.toString()] as const),
  );
  const browser = filesOf(BROWSER);
  const found = new Map<string, Buffer>([
    ['icon.svg', browser.get('icon.svg')!],
    ['theme.js', browser.get('theme.js')!],
    ['uplot.js', chartFile('uPlot.iife.min.js')],
    ['pages.css', Buffer.concat([chartFile('uPlot.min.css'), browser.get('pages.css')!])],
    ...PAGE_SCRIPTS.map((name) => [name, Buffer.from(bundleModules(name, modules))] as const),
  ]);
  const digest = createHash('sha256');
  for (const [name, body] of found) digest.update(name).update(body);
  const folder = `/assets/${digest.digest('base64url').slice(0, 12)}/`;
  return {
    folder,
    files: [...found].map(([name, body]) => ({
      path: folder + name,
      contentType: CONTENT_TYPES[extname(name)]!,
      etag: etagOf(body),
      body,
      encoded: encodedAhead(body),
    })),
  };
}
