import { afterEach, describe, expect, it } from 'vitest';
import { EngineInsideGatherer, type EngineInsideOptions } from '../../../src/app/engine-inside.ts';
import { createLogger } from '../../../src/kit/log.ts';
import { createRegistry } from '../../../src/kit/metrics.ts';
import { StageLatencies } from '../../../src/live/stage-latencies.ts';
import { DIALECTS } from '../../../src/stratum/protocol/dialects.ts';
import type { SessionView } from '../../../src/stratum/stratum-server.ts';
import { pollUntil } from '../../kit/poll-until.ts';

const NOW_MS = 60_000;
const NOW_UNIX_MS = Date.UTC(2030, 0, 1);
const SESSIONS = 2_500;

function options(): EngineInsideOptions & { slices: number; templateAgeMs: number } {
  const log = createLogger('info', 'test', { write: () => {} });
  log.warn({ node: 'a' }, 'odd');
  const session = {
    userAgent: 'lolMiner 1.9',
    dialect: DIALECTS.default,
    unreadSinceMs: Number.NaN,
    adapter: { backlogBytes: 0 },
  } as SessionView;
  const all = {
    slices: 0,
    templateAgeMs: Number.POSITIVE_INFINITY,
    stratum: {
      visitSlice: (from: number, slots: number, visit: (view: SessionView) => void) => {
        all.slices++;
        const end = Math.min(SESSIONS, from + slots);
        for (let slot = from; slot < end; slot++) visit(session);
        return end < SESSIONS ? end : 0;
      },
      closes: () => ({ client: 3 }) as ReturnType<EngineInsideOptions['stratum']['closes']>,
      unknownHandshakes: () =>
        Array.from({ length: 30 }, (_, n) => ({
          userAgent: `odd/${n}`,
          remoteAddress: '192.0.2.1',
          lines: `${'x'.repeat(5_000)}\n`.repeat(20),
          atMs: NOW_MS - 1_000,
        })),
    },
    path: { threads: { busyMs: () => [10, 20] } as unknown as EngineInsideOptions['path']['threads'] },
    feed: { received: 7, templateAgeMs: () => all.templateAgeMs, stalled: () => true },
    journal: { fill: 0.25, busyMs: 5 },
    ledger: { loader: undefined },
    renewals: {
      bans: [
        { network: '192.0.2.0/24', reason: 'flood' },
        { network: '198.51.100.1', reason: 'over', untilUnixMs: NOW_UNIX_MS - 1 },
        ...Array.from({ length: 500 }, (_, n) => ({ network: `203.0.113.${n}`, reason: '' })),
      ],
    },
    stages: new StageLatencies(),
    apiBusyMs: () => 1,
    registry: createRegistry(),
    log,
    clock: () => NOW_MS,
    wallClock: () => NOW_UNIX_MS,
  };
  return all;
}

describe('what an engine tells its operator', () => {
  let gatherer: EngineInsideGatherer | undefined;
  afterEach(() => gatherer?.close());

  it('is bounded, whatever strangers said and however many there are', async () => {
    const rooms = options();
    gatherer = new EngineInsideGatherer(rooms);
    gatherer.start();
    await pollUntil('all are counted', () => gatherer!.inside().agents.length > 0, 5_000);
    const inside = gatherer.inside();
    expect(inside.agents).toEqual([{ agent: 'lolMiner 1.9', dialect: 'default', connections: SESSIONS }]);
    expect(rooms.slices).toBe(3);
    expect(inside.unknownHandshakes).toHaveLength(20);
    expect(inside.unknownHandshakes[0]).toMatchObject({ agent: 'odd/10', at: '2029-12-31T23:59:59.000Z' });
    expect(inside.unknownHandshakes[0]!.lines.map((line) => line.length)).toEqual(Array(8).fill(200));
    expect(inside.bans).toHaveLength(100);
    expect(inside.bans[0]).toEqual({ network: '192.0.2.0/24', reason: 'flood', until: '' });
    expect(inside.bans.map(({ reason }) => reason)).not.toContain('over');
    expect(inside.warnings.map(({ text }) => text)).toEqual(['odd node=a']);
    expect(JSON.stringify(inside).length).toBeLessThan(64_000);
  });

  it('names every thread, and is plain JSON also before the first template', () => {
    gatherer = new EngineInsideGatherer(options());
    gatherer.start();
    const inside = gatherer.inside();
    expect(inside.threads.map(({ name }) => name)).toEqual([
      'main',
      'validator-1',
      'validator-2',
      'journal',
      'loader',
      'api',
    ]);
    expect(inside.templates).toEqual({ ageMs: -1, lastMinute: 0, stalled: true });
    expect(inside.process.openFilesMax).toBeGreaterThan(0);
    expect(inside.stages.map(({ stage }) => stage)).toHaveLength(7);
    expect(JSON.parse(JSON.stringify(inside))).toEqual(inside);
  });
});
