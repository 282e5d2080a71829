import type { OperatorStatus } from '../../../src/api/operator/status-schema.ts';
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

/** As the console gets it, with two reasons and payouts that are halted. */
export const SAMPLE_STATUS: OperatorStatus = {
  at: '2026-11-21T10:00:00.000Z',
  verdict: {
    state: 'DEGRADED',
    reasons: [
      {
        code: 'payouts_halted',
        makes: 'DEGRADED',
        text: `payouts are halted: OPERATOR: ${HOSTILE_NAME}`,
        runbook: 'payouts-halted',
      },
    ],
  },
  service: {
    version: '0.1.0',
    network: 'testnet-10',
    role: 'engine',
    pid: 4321,
    startedAt: '2026-11-21T08:00:00.000Z',
  },
  engines: [
    {
      instance: SAMPLE_REPORT.instance,
      pid: 4321,
      ageSeconds: 0.4,
      snapshot: SAMPLE_REPORT.snapshot,
      inside: SAMPLE_REPORT.inside,
    },
  ],
  books: {
    fault: '',
    readAt: '2026-11-21T09:59:59.000Z',
    halts: [{ code: 'OPERATOR', reason: HOSTILE_NAME, raised: '2026-11-21 09:50:00+00 by somebody' }],
    payer: {
      leader: 'pool-1, process 77',
      leads: true,
      toldSecondsAgo: 2,
      pays: true,
      lastRound: 'nobody is due',
      faults: [],
    },
    live: [],
    last: [
      {
        ...{ id: '12', kind: 'payout', state: 'CONFIRMED', txid: 'ab'.repeat(32), payees: 31 },
        ...{ paidSompi: '123456789012', feeSompi: '12000', plannedAt: '2026-11-21 09:00:00+00' },
      },
    ],
    totals: {
      owedSompi: '7000000001',
      owedAccounts: 12,
      inFlightSompi: '0',
      paidSompi: '900719925474099312',
      rewardsSompi: '900719925474099399',
      unsettledSompi: '87',
      poolFeeSompi: '1',
    },
    violations: 0,
    reds: {
      days: 7,
      merged: 120,
      red: 2,
      byCause: { stale_template: 2 },
      blocks: [
        {
          hash: 'ef'.repeat(32),
          foundAt: '2026-11-20T09:00:00.000Z',
          explanation: `its template was 3 s old ${HOSTILE_NAME}`,
        },
      ],
    },
  },
  configuration: {
    file: '/etc/sluice/sluice.yaml',
    sha256: 'cd'.repeat(32),
    readAt: '2026-11-21T08:00:00.000Z',
    entries: [
      { key: 'log.level', value: '"info"', source: 'default', effect: 'applied' },
      { key: 'instance', value: '"sluice-1"', source: '/etc/sluice/sluice.yaml:1', effect: 'restart' },
    ],
  },
  actions: [
    {
      at: '2026-11-21T09:50:00.000Z',
      who: 'operator (token, unix socket)',
      what: 'halt-payouts',
      outcome: HOSTILE_NAME,
    },
  ],
};
