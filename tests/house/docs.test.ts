import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configExample } from '../../config/example.ts';
import { VERDICTS } from '../../src/domain/share.ts';
import { PROJECT_ROOT, projectPath } from '../../src/kit/project-root.ts';
import { listFiles, readSources } from '../kit/source-tree.ts';

const read = (path: string): string => readFileSync(projectPath(path), 'utf8');
const isMarkdown = (name: string): boolean => name.endsWith('.md');
const markdown = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'SECURITY.md'],
  ...['docs', 'deploy', 'bench', 'tests', 'wasm'].flatMap((folder) => listFiles(folder, isMarkdown)),
];

describe('the documents', () => {
  it('list every error code of the sources, and no other', () => {
    const inCode = new Set(
      readSources(['src', 'config', 'wasm', 'workers'])
        .flatMap((file) => [...file.text.matchAll(/'(SLUICE_[A-Z0-9_]+)'/g)])
        .map((match) => match[1]!)
        .filter((code) => !code.startsWith('SLUICE_TEST')),
    );
    const inDocs = new Set(
      [...read('docs/ERRORS.md').matchAll(/`(SLUICE_[A-Z0-9_]+)`/g)].map((match) => match[1]!),
    );
    expect([...inCode].filter((code) => !inDocs.has(code))).toEqual([]);
    expect([...inDocs].filter((code) => !inCode.has(code))).toEqual([]);
  });

  it('show the verdict table as it stands in the code', () => {
    const text = read('docs/ERRORS.md');
    for (const row of VERDICTS) {
      const wire = row.wireCode === 0 ? 'true' : `${row.wireCode} ${row.wireText}`;
      expect(text).toContain(`| ${row.code} | ${row.name} | ${wire} | ${row.class} | ${row.credited} |`);
    }
  });

  it('carry the example configuration that the schema prints', () => {
    expect(read('deploy/sluice.example.yaml')).toBe(configExample());
  });

  it('link only to files that exist', () => {
    const broken = markdown.flatMap((path) =>
      [...read(path).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .map((match) => match[1]!)
        .filter((target) => !existsSync(join(PROJECT_ROOT, dirname(path), target)))
        .map((target) => `${path} -> ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('are all in the index', () => {
    const index = read('docs/README.md');
    const missing = listFiles('docs', isMarkdown)
      .map((path) => path.replace(/^docs\//, ''))
      // Folders have one line: each decision and runbook is found there.
      .filter(
        (path) =>
          path !== 'README.md' && !index.includes(`](${path})`) && !index.includes(`](${dirname(path)})`),
      );
    expect(missing).toEqual([]);
  });

  it('name only files of the sources that exist', () => {
    const text = read('docs/ARCHITECTURE.md');
    const named = [
      ...text.matchAll(/`((?:src\/|workers\/|wasm\/|config\/)?[a-z-]+\/[a-z/-]+\.(?:worker\.)?ts)`/g),
    ].map((match) => match[1]!);
    const missing = named.filter(
      (path) => !existsSync(projectPath(path)) && !existsSync(projectPath('src', path)),
    );
    expect(named.length).toBeGreaterThan(15);
    expect(missing).toEqual([]);
  });
});
