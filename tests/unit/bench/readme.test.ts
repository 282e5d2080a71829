/** What bench/README.md says one can type, one can type; and no case is left out of it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { optionOf } from '../../../bench/lib/case-values.ts';
import { listCases } from '../../../bench/lib/catalogue.ts';
import { projectPath } from '../../../src/kit/project-root.ts';

const VERBS = ['all', 'goals', 'compare', 'ab', 'html', 'results', 'load'];
const OF_EVERY_RUN = ['help', 'seed', 'smoke', 'filter', 'json', 'html', 'compare'];

const page = readFileSync(projectPath('bench', 'README.md'), 'utf8');
const cases = await listCases();

describe('the README of the benches', () => {
  it('names every case in its table', () => {
    const table = page
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .join('\n');
    for (const { name } of cases) expect(table).toContain(`\`${name}\``);
    for (const [, name] of table.matchAll(/`([a-z-]+)`/g))
      expect(cases.map((one) => one.name)).toContain(name);
  });

  it('shows commands that exist, with options that they have', () => {
    const commands = [...page.matchAll(/npm run bench -- ([^#`\n]+)/g)].map(([, words]) =>
      words!.trim().split(/\s+/),
    );
    expect(commands.length).toBeGreaterThan(8);
    for (const [name, ...words] of commands) {
      const one = cases.find((other) => other.name === name);
      if (one === undefined) {
        expect(VERBS).toContain(name);
        continue;
      }
      const known = [...OF_EVERY_RUN, ...Object.keys(one.benchCase.parameters).map(optionOf)];
      for (const word of words.filter((text) => text.startsWith('--')))
        expect(known).toContain(word.slice(2));
    }
  });
});
