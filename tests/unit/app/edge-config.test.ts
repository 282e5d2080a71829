import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../config/schema.ts';
import { edgeConfig } from '../../../src/app/edge-config.ts';

const written = {
  instance: 'pool',
  kaspa: {
    network: 'devnet',
    payAddress: `kaspadev:${'q'.repeat(61)}`,
    nodes: [{ name: 'one', address: '127.0.0.1:16610' }],
  },
  stratum: { ports: [{ port: 5555, difficulty: 64 }] },
  database: { url: 'postgres://u@h/d' },
  journal: { directory: '/var/lib/sluice/journal' },
};
const whole = configSchema.parse(written);

describe('the configuration of an edge', () => {
  it('has a name, a journal and a page of its own, and shares the rest', () => {
    const [first, second] = [1, 2].map((number) => edgeConfig(whole, { number, of: 2 }, 8));
    expect([first!.instance, second!.instance]).toEqual(['pool-1', 'pool-2']);
    expect(second!.journal.directory).toBe('/var/lib/sluice/journal/pool-2');
    expect([first!.http.port, second!.http.port]).toEqual([whole.http.port, whole.http.port + 1]);
    expect(second!.stratum).toEqual(whole.stratum);
    expect(second!.database).toEqual(whole.database);
  });

  it('divides the cores that main threads leave, and gives each at least one thread', () => {
    const threads = (of: number, cores: number) =>
      edgeConfig(whole, { number: 1, of }, cores).validation.threads;
    expect([threads(2, 2), threads(2, 16), threads(8, 64), threads(64, 64)]).toEqual([1, 7, 7, 1]);
  });

  it('is refused where engines would be in each other’s way', () => {
    const place = { number: 2, of: 2 };
    const variant = (change: object) => configSchema.parse({ ...written, ...change });
    expect(() => edgeConfig(variant({ database: { embedded: '/tmp/x' } }), place, 2)).toThrow(/embedded/);
    expect(() => edgeConfig(variant({ instance: 'a'.repeat(31) }), place, 2)).toThrow(/too long/);
    expect(() => edgeConfig(variant({ http: { port: 65_535 } }), place, 2)).toThrow(/no ports above/);
    expect(edgeConfig(variant({ http: { port: 0 } }), place, 2).http.port).toBe(0);
  });

  it('has a console of its own, and none that would be in the way of another edge’s page', () => {
    const console = (listen: string, of: number, more = {}) =>
      edgeConfig(
        configSchema.parse({
          ...{ ...written, http: { port: 8080 } },
          operator: { listen, tokenFile: '/token', ...more },
        }),
        { number: 2, of },
        8,
      ).operator?.listen;
    expect(console('unix:/run/s/engine.sock', 2)).toBe('unix:/run/s/engine-2.sock');
    expect(console('127.0.0.1:8082', 2)).toBe('127.0.0.1:8083');
    expect(() => console('127.0.0.1:8081', 2)).toThrow(/would meet/);
    expect(() => console('127.0.0.1:8082', 3)).toThrow(/would meet/);
    expect(() => console('127.0.0.1:65535', 2)).toThrow(/no ports above/);
    expect(console('127.0.0.1:8081', 2, { servedBy: 'api' })).toBeDefined();
  });
});
