/** The cases that there are: files `bench/cases/<kind>/<name>.bench.ts`, each with a case as its default export. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectPath } from '../../src/kit/project-root.ts';
import type { BenchCase } from './bench-case.ts';

export interface ListedCase {
  readonly name: string;
  /** Compiled. */
  readonly file: string;
  readonly benchCase: BenchCase;
}

const ENDING = '.bench.js';

/** By kind, then by name. */
export async function listCases(root = projectPath('dist', 'bench', 'cases')): Promise<ListedCase[]> {
  const files = readdirSync(root)
    .sort()
    .flatMap((kind) => readdirSync(join(root, kind)).map((file) => join(root, kind, file)))
    .filter((file) => file.endsWith(ENDING));
  return Promise.all(
    files.sort().map(async (file) => {
      const { default: benchCase } = (await import(pathToFileURL(file).href)) as { default: BenchCase };
      return { name: file.slice(file.lastIndexOf('/') + 1, -ENDING.length), file, benchCase };
    }),
  );
}
