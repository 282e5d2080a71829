import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { projectPath } from '../../../src/kit/project-root.ts';
import { INVARIANTS } from '../../../src/ledger/audit/invariants.ts';

/** The two tables of docs/LEDGER.md are those of the code. `SLUICE_WRITE_DOCS=1` rewrites them. */
const FILE = projectPath('docs', 'LEDGER.md');

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
    .replace(/ --- /g, '---');
}

const invariants = table(
  ['no', 'name', 'class', 'by', 'what must be true'],
  INVARIANTS.map(({ number, name, class: kind, scope, sentence }) => [
    number,
    `\`${name}\``,
    kind,
    scope === 'both' ? 'both' : 'full only',
    sentence,
  ]),
);
const remedies = [...new Set(INVARIANTS.map(({ remedy }) => remedy))];
const whatToDo = table(
  ['broken', 'what to do'],
  remedies.map((remedy) => [
    INVARIANTS.filter((one) => one.remedy === remedy)
      .map(({ number }) => number)
      .join(', '),
    remedy,
  ]),
);

/** The table that begins with this head, up to the empty line behind it. */
function withTable(text: string, written: string, placeholder: string): string {
  const head = written.split('\n')[0]!;
  const at = text.includes(placeholder) ? text.indexOf(placeholder) : text.indexOf(head);
  if (at < 0) return text;
  return text.slice(0, at) + written + text.slice(text.indexOf('\n\n', at));
}

describe('docs/LEDGER.md', () => {
  it('shows the invariants and what to do about each as they stand in the code', () => {
    if (process.env.SLUICE_WRITE_DOCS) {
      const text = readFileSync(FILE, 'utf8');
      writeFileSync(FILE, withTable(withTable(text, invariants, 'INVARIANTS_TABLE'), whatToDo, 'WHAT_TO_DO'));
    }
    const text = readFileSync(FILE, 'utf8');
    expect(text).toContain(invariants);
    expect(text).toContain(whatToDo);
  });

  it('counts them from 1 to 20, each with a name of its own', () => {
    expect(INVARIANTS.map(({ number }) => number)).toEqual(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    expect(new Set(INVARIANTS.map(({ name }) => name)).size).toBe(20);
    for (const { name } of INVARIANTS) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });
});
