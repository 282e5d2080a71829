/**
 * Finds files that are not compiled (wasm, proto, sql, page): the compiled tree under `dist/` mirrors the sources,
 * so the first folder above us that holds a package.json is the root in a checkout and in an installed package alike.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

function findRoot(from: string): string {
  let folder = from;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${from}`);
    folder = parent;
  }
  return folder;
}

export const PROJECT_ROOT = findRoot(dirname(fileURLToPath(import.meta.url)));

/** Of the release. */
export const PROJECT_VERSION = (
  JSON.parse(readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8')) as { version: string }
).version;

/** Absolute path of a file named from the project's root, e.g. `wasm/heavyhash.wasm`. */
export function projectPath(...parts: string[]): string {
  return join(PROJECT_ROOT, ...parts);
}

/** The same as a file: URL, as thread entries are named. */
export function projectFileUrl(...parts: string[]): URL {
  return pathToFileURL(projectPath(...parts));
}
