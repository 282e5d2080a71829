import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changesBetween, entriesOf, withApplied } from '../../../config/entries.ts';
import { parseConfig } from '../../../config/load.ts';
import { configReference } from '../../../config/reference.ts';
import { reloadRuleOf } from '../../../config/reload-rules.ts';
import type { Config } from '../../../config/schema.ts';
import { projectPath } from '../../../src/kit/project-root.ts';

const TEXT = `instance: pool-1
kaspa:
  network: devnet
  payAddress: kaspadev:qqqqqqqqqq
  nodes: [{ name: a, address: "127.0.0.1:1" }]
stratum:
  ports:
    - port: 5555
      difficulty: 64
database: { url: "postgres://pool:hunter2@db.example/sluice?password=x@y" }
journal: { directory: /var/lib/sluice }
`;

function read(text: string): Config {
  const result = parseConfig(text, 'a.yaml');
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.config;
}

const before = read(TEXT);
const changed = (change: (text: string) => string) => changesBetween(before, read(change(TEXT)));

describe('a configuration in force', () => {
  it('says where each value comes from', () => {
    const edge = { ...before, instance: 'pool-1-2' };
    const entries = new Map(
      entriesOf(edge, before, { fileName: 'a.yaml', text: TEXT }).map((entry) => [entry.key, entry]),
    );
    expect(entries.get('stratum.ports.0.difficulty')).toMatchObject({ value: '64', source: 'a.yaml:9' });
    expect(entries.get('instance')).toMatchObject({ value: '"pool-1-2"', source: 'edge' });
    expect(entries.get('http.port')).toMatchObject({ value: '8080', source: 'default' });
  });

  it.each([
    ['postgres://pool:hunter2@db.example/sluice', '"postgres://[secret]@db.example/sluice"'],
    ['postgres://pool:hun@ter2@db.example/sluice', '"postgres://[secret]@db.example/sluice"'],
    ['postgres://db.example/sluice?password=hunter2', '"postgres://db.example/sluice?[secret]"'],
    ['postgres://pool@db.example/sluice?password=hunter2@x', '"postgres://[secret]"'],
    ['postgres://db.example/sluice', '"postgres://db.example/sluice"'],
  ])('shows nothing of %s that could open it', (url, shown) => {
    const config = { ...before, database: { url } };
    const entry = entriesOf(config, config, { fileName: 'a.yaml', text: TEXT }).find(
      ({ key }) => key === 'database.url',
    );
    expect(entry!.value).toBe(shown);
  });

  it('names each change with what it takes', () => {
    expect(changed((text) => text)).toEqual([]);
    expect(changed((text) => text.replace('difficulty: 64', 'difficulty: 128'))).toMatchObject([
      { key: 'stratum.ports.0.difficulty', before: '64', after: '128', effect: 'restart' },
    ]);
    expect(
      changed((text) => text.replace('difficulty: 64', 'difficulty: 64\n      limits: { idleSeconds: 9 }')),
    ).toMatchObject([{ key: 'stratum.ports.0.limits.idleSeconds', after: '9', effect: 'applied' }]);
    expect(changed((text) => `${text}rewards: { pplns: { feePercent: 2 } }\n`)).toMatchObject([
      { key: 'rewards.pplns.feePercent', before: '1', after: '2', effect: 'payer' },
    ]);
  });

  it('takes a port more for one change that waits, limits and all', () => {
    const changes = changed((text) =>
      text.replace('difficulty: 64', 'difficulty: 64\n    - port: 5556\n      difficulty: 8'),
    );
    expect(changes.length).toBeGreaterThan(3);
    expect(new Set(changes.map(({ effect }) => effect))).toEqual(new Set(['restart']));
  });

  it('applies what may change and leaves the rest as it was', () => {
    const wanted = read(`${TEXT.replace('difficulty: 64', 'difficulty: 128')}log: { level: debug }\n`);
    const merged = withApplied(before, wanted);
    expect(merged.log.level).toBe('debug');
    expect(merged.stratum.ports[0]!.difficulty).toBe(64);
    expect(changesBetween(merged, wanted).map(({ key }) => key)).toEqual(['stratum.ports.0.difficulty']);
    expect(before.log.level).toBe('info');
  });

  it('lets the longest rule of a key count', () => {
    expect(reloadRuleOf('rewards.maturityDaa').effect).toBe('restart');
    expect(reloadRuleOf('rewards.prop.feePercent').effect).toBe('payer');
    expect(reloadRuleOf('stratum.ports.12.limits.linesPerSecond').effect).toBe('applied');
    expect(reloadRuleOf('no.such.key').effect).toBe('restart');
  });
});

describe('docs/CONFIGURATION.md', () => {
  it('is what the schema says', () => {
    const file = projectPath('docs', 'CONFIGURATION.md');
    if (process.env.SLUICE_WRITE_DOCS) writeFileSync(file, configReference());
    expect(readFileSync(file, 'utf8')).toBe(configReference());
  });
});
