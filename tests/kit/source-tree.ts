/** The source files of the project and what they import, read as text: the house test's eyes. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { PROJECT_ROOT } from '../../src/kit/project-root.ts';

export interface SourceFile {
  /** From the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  /** Project files it imports, type imports included. */
  readonly imports: readonly string[];
  /** Packages and `node:` modules it imports. */
  readonly packages: readonly string[];
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^'"`;]*?from\s+['"]([^'"]+)['"]|(?:^|\n)\s*import\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

export function listFiles(folder: string, keep: (name: string) => boolean): string[] {
  return readdirSync(join(PROJECT_ROOT, folder), { withFileTypes: true })
    .flatMap((item) => {
      const path = `${folder}/${item.name}`;
      if (item.isDirectory()) return item.name === 'node_modules' ? [] : listFiles(path, keep);
      return keep(item.name) ? [path] : [];
    })
    .sort();
}

export function readSources(
  folders: readonly string[],
  keep = (name: string) => name.endsWith('.ts'),
): SourceFile[] {
  return folders.flatMap((folder) => listFiles(folder, keep)).map(readSource);
}

function readSource(path: string): SourceFile {
  const text = readFileSync(join(PROJECT_ROOT, path), 'utf8');
  const imports: string[] = [];
  const packages: string[] = [];
  for (const match of text.matchAll(IMPORT)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? '';
    if (specifier.startsWith('.')) {
      imports.push(
        relative(PROJECT_ROOT, normalize(join(PROJECT_ROOT, dirname(path), specifier))).replaceAll('\\', '/'),
      );
    } else packages.push(specifier);
  }
  return { path, text, lines: text.split('\n'), imports, packages };
}
