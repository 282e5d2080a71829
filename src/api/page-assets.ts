/**
 * The files that pages fetch: views (compiled from `pages/`, the very functions that the server draws with), scripts, style and icon
 * from `pages/browser/`, and the chart library. Read once. They lie in a folder that is named by their content, so a browser keeps
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
  /** The modules that a script imports, directly or not, itself not among them. */
  modulesOf(script: string): readonly string[];
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Beside this file, compiled. */
const VIEWS = join(dirname(fileURLToPath(import.meta.url)), 'pages');
const BROWSER = projectPath('src', 'api', 'pages', 'browser');
/** Drawn by the server alone. */
const NOT_SENT = new Set(['layout.js', 'how.js', 'page-state.js']);

function filesOf(folder: string): Map<string, Buffer> {
  return new Map(
    readdirSync(folder)
      .filter((name) => CONTENT_TYPES[extname(name)] !== undefined)
      .map((name) => [name, readFileSync(join(folder, name))]),
  );
}

function chartLibrary(): Map<string, Buffer> {
  const folder = dirname(createRequire(import.meta.url).resolve('uplot/dist/uPlot.iife.min.js'));
  return new Map([
    ['uplot.js', readFileSync(join(folder, 'uPlot.iife.min.js'))],
    ['uplot.css', readFileSync(join(folder, 'uPlot.min.css'))],
  ]);
}

/** Comments are for who reads the source; a visitor need not fetch them. Line comments may stand in strings and stay. */
function slim(source: Buffer): Buffer {
  return Buffer.from(
    source
      .toString()
      .replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '')
      .replace(/^\s*\/\/.*\n?/gm, ''),
  );
}

function importsOf(source: Buffer): string[] {
  return [...source.toString().matchAll(/from '\.\/([\w-]+\.js)'/g)].map((match) => match[1]!);
}

export function loadPageAssets(): PageAssets {
  const found = new Map([...filesOf(VIEWS), ...filesOf(BROWSER), ...chartLibrary()]);
  for (const name of NOT_SENT) found.delete(name);
  for (const [name, body] of found)
    if (name.endsWith('.js') && name !== 'uplot.js') found.set(name, slim(body));
  const digest = createHash('sha256');
  for (const name of [...found.keys()].sort()) digest.update(name).update(found.get(name)!);
  const folder = `/assets/${digest.digest('base64url').slice(0, 12)}/`;
  const modulesOf = (script: string): string[] => {
    const seen = new Set<string>([script]);
    for (const name of seen)
      for (const target of importsOf(found.get(name) ?? Buffer.alloc(0))) seen.add(target);
    seen.delete(script);
    return [...seen];
  };
  return {
    folder,
    modulesOf,
    files: [...found].map(([name, body]) => ({
      path: folder + name,
      contentType: CONTENT_TYPES[extname(name)]!,
      etag: etagOf(body),
      body,
      encoded: encodedAhead(body),
    })),
  };
}
