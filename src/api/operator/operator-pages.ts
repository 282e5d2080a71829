/** The console's files of `operator/page/`, read once. What is filled in is ours: the session's form token, a sentence at the login. */
import { readFileSync } from 'node:fs';
import { projectPath } from '../../kit/project-root.ts';
import { escapeHtml } from '../pages/element.ts';

export interface OperatorAsset {
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface OperatorPages {
  /** By path. */
  readonly assets: ReadonlyMap<string, OperatorAsset>;
  console(csrf: string): string;
  /** @param why it was refused, '' at first */
  login(why: string): string;
}

const ASSETS: readonly (readonly [string, string])[] = [
  ['console.css', 'text/css; charset=utf-8'],
  ['console.js', 'text/javascript; charset=utf-8'],
  ['draw.js', 'text/javascript; charset=utf-8'],
  ['icon.svg', 'image/svg+xml'],
];

export function loadOperatorPages(): OperatorPages {
  const read = (name: string): Buffer => readFileSync(projectPath('src', 'api', 'operator', 'page', name));
  const assets = new Map(
    ASSETS.map(([name, contentType]) => [`/operator/assets/${name}`, { contentType, body: read(name) }]),
  );
  const [board, login] = [read('console.html').toString(), read('login.html').toString()];
  return {
    assets,
    console: (csrf) => board.replaceAll('CSRF_TOKEN', () => escapeHtml(csrf)),
    login: (why) => login.replace('REFUSED_BECAUSE', () => escapeHtml(why)),
  };
}
