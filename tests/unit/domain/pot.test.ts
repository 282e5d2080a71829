import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SCHEME_NAMES } from '../../../config/schema.ts';
import { POTS, portOf, potOf, schemeOf, withPot } from '../../../src/domain/pot.ts';
import { projectPath } from '../../../src/kit/project-root.ts';

describe('pots', () => {
  it('are those that the configuration and the database know, by the same numbers', () => {
    expect(Object.keys(POTS)).toEqual([...SCHEME_NAMES]);
    const sql = readFileSync(projectPath('migrations/000003_books.sql'), 'utf8');
    const inserted = /INSERT INTO pots VALUES (.*);/.exec(sql)?.[1] ?? '';
    const rows = [...inserted.matchAll(/\((\d+), '([a-z]+)'\)/g)].map(([, id, name]) => [name, Number(id)]);
    expect(Object.fromEntries(rows)).toEqual(POTS);
  });

  it('share a u16 with the port, and records of before there were pots are of PPLNS', () => {
    for (const pot of Object.values(POTS)) {
      expect([portOf(withPot(127, pot)), potOf(withPot(127, pot))]).toEqual([127, pot]);
    }
    expect([portOf(5), potOf(5)]).toEqual([5, POTS.pplns]);
  });

  it('have a name, also one that a later version made', () => {
    expect([schemeOf(3), schemeOf(77)]).toEqual(['solo', '77']);
  });
});
