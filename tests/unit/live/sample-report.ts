import type { EngineReport } from '../../../src/live/engine-report.ts';
import { HOSTILE_NAME, SAMPLE } from '../api/sample-snapshot.ts';

/** All is well with it, and strangers have written what they like. */
export const SAMPLE_REPORT: EngineReport = {
  instance: 'sluice-1',
  pid: 4321,
  snapshot: {
    ...SAMPLE,
    nodes: SAMPLE.nodes.map((node) => ({ ...node, connected: true, synced: true, fault: '' })),
  },
  inside: {
    process: { rssBytes: 3e8, heapUsedBytes: 9e7, cpuSeconds: 812, openFiles: 1_300, openFilesMax: 65_536 },
    loop: { delayP99Ms: 1.2, delayMaxMs: 14, utilisation: 0.31 },
    gc: { pauses: 120, pauseSeconds: 0.4, longestMs: 9 },
    threads: [
      { name: 'validator 1', utilisation: 0.42 },
      { name: 'journal', utilisation: 0.08 },
    ],
    stages: (['read', 'parse', 'queue', 'hash', 'journal', 'reply', 'commit'] as const).map(
      (stage, place) => ({
        stage,
        count: 12_000,
        p50Ms: 0.1 * (place + 1),
        p90Ms: 0.2 * (place + 1),
        p99Ms: 0.9 * (place + 1),
        p999Ms: 2 * (place + 1),
        maxMs: 11,
      }),
    ),
    templates: { ageMs: 90, lastMinute: 240, stalled: false },
    journalFillRatio: 0.02,
    agents: [
      { agent: HOSTILE_NAME, dialect: 'default', connections: 3 },
      { agent: 'IceRiverMiner-v1.1', dialect: 'asic-hex', connections: 1_200 },
    ],
    unknownHandshakes: [
      {
        agent: HOSTILE_NAME,
        at: '2026-11-21T09:00:00.000Z',
        lines: ['{"id":1,"method":"<b>\u001b]0;owned\u0007"}'],
      },
    ],
    slowReaders: [
      {
        remoteAddress: '203.0.113.7',
        address: 'kaspatest:qq',
        worker: HOSTILE_NAME,
        unsentBytes: 70_000,
        seconds: 12,
      },
    ],
    closes: { idle: 12, unread: 3 },
    bans: [{ network: '198.51.100.0/24', reason: HOSTILE_NAME, until: '' }],
    warnings: [{ at: '2026-11-21T09:59:00.000Z', level: 'warn', text: `node-b is away ${HOSTILE_NAME}` }],
  },
};
