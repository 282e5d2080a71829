import { describe, expect, it } from 'vitest';
import { configExample } from '../../../config/example.ts';
import { formatFaults, parseConfig } from '../../../config/load.ts';

const GOOD = `
instance: pool-a
kaspa:
  network: devnet
  payAddress: kaspadev:qqqqqqqqqqqqqqqqqqqqqqqq
  nodes: [{ name: a, address: 127.0.0.1:16610 }]
stratum:
  ports: [{ port: 5555, difficulty: 4096 }]
database: { url: postgres://pool:secret@127.0.0.1/sluice }
journal: { directory: /tmp/journal }
`;

function faultsOf(text: string): string {
  const result = parseConfig(text, 'pool.yaml');
  return result.ok ? '' : formatFaults(result.faults);
}

describe('the configuration', () => {
  it('accepts its own example', () => {
    expect(faultsOf(configExample())).toBe('');
  });

  it('fills in the defaults', () => {
    const result = parseConfig(GOOD, 'pool.yaml');
    expect(result.ok && result.config.stratum.ports[0]!.jobIntervalMs).toBe(250);
    expect(result.ok && result.config.http.port).toBe(8080);
  });

  it('names an unknown key with its place and the key that was meant', () => {
    expect(faultsOf(GOOD.replace('difficulty', 'dificulty'))).toMatch(
      /pool\.yaml:8:\d+ {2}stratum\.ports\.0\.dificulty: unknown key; did you mean "difficulty"\?/,
    );
  });

  it('tells every fault at once', () => {
    const text = GOOD.replace('5555', '99999').replace('devnet', 'bitcoin').replace('pool-a', 'Pool A');
    const faults = faultsOf(text).split('\n');
    expect(faults.some((line) => line.includes('stratum.ports.0.port'))).toBe(true);
    expect(faults.some((line) => line.includes('kaspa.network'))).toBe(true);
    expect(faults.some((line) => line.includes('instance'))).toBe(true);
  });

  it('wants exactly one place for the database', () => {
    expect(faultsOf(GOOD.replace('database: { url:', 'database: { embedded: /tmp/pg, url:'))).toContain(
      'exactly one of',
    );
    expect(faultsOf(GOOD.replace(/database: .*/, 'database: {}'))).toContain('exactly one of');
  });

  it('lets the extranonce rule go only where every share is worth the same', () => {
    const lax = GOOD.replace('stratum:', 'stratum:\n  enforceExtranonce: false');
    expect(faultsOf(lax)).toBe('');
    const two = lax.replace('difficulty: 4096 }', 'difficulty: 4096 }, { port: 5556, difficulty: 64 }');
    expect(faultsOf(two)).toMatch(/pool\.yaml:8:\d+ {2}stratum\.enforceExtranonce: may be false only/);
    expect(faultsOf(lax.replace('difficulty: 4096', 'difficulty: 4096, difficultyMax: 8192'))).toContain(
      'may be false',
    );
  });

  it('never repeats a secret in a fault', () => {
    const text = GOOD.replace(
      'database: { url: postgres://pool:secret@127.0.0.1/sluice }',
      'database: { url: [secret] }',
    );
    expect(faultsOf(text)).not.toContain('secret');
  });

  it('points at broken YAML', () => {
    expect(faultsOf('a: [1, 2')).toMatch(/^pool\.yaml:1:\d+/);
  });
});
