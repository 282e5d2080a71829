import type { PoolSnapshot } from '../../../src/live/pool-snapshot.ts';

export const HOSTILE_NAME = '<img src=x onerror="document.title=1"> & \'rig\'';

/** A pool in full swing, with a miner who calls his rig something nasty. */
export const SAMPLE: PoolSnapshot = {
  version: '0.1.0',
  network: 'testnet-10',
  at: '2026-11-21T10:00:00.000Z',
  startedAt: '2026-11-21T08:00:00.000Z',
  uptimeSeconds: 7200,
  loginFormat: 'kaspatest:YOUR_ADDRESS.RIG',
  nodes: [
    {
      name: 'node-a',
      connected: true,
      synced: true,
      version: '1.0.1',
      daaScore: 123_456_789,
      lastTemplateAgeMs: 87,
      fault: '',
    },
    {
      name: 'node-b',
      connected: false,
      synced: false,
      version: '',
      daaScore: 0,
      lastTemplateAgeMs: -1,
      fault: 'connection refused',
    },
  ],
  ports: [
    { label: 'small', url: 'stratum+tcp://127.0.0.1:5555', difficulty: 512, connections: 1200 },
    { label: 'test', url: 'stratum+tcp://127.0.0.1:5556', difficulty: 2 ** -20, connections: 3 },
  ],
  miners: 321,
  workers: 1203,
  hashrate: { m1: 2.41e15, m10: 2.3e15, h1: 1.98e15 },
  shares: { accepted: 1_234_567, rejected: { stale_job: 420, duplicate: 3, low_difficulty: 0 } },
  blocks: {
    found: 3,
    accepted: 3,
    refused: 0,
    blue: 1,
    red: 1,
    recent: [
      {
        hash: 'f896a3034873be1739fc4359236899fd3d65d2bc94f9780df0d0da3eb1cc4370',
        at: '2026-11-21T09:59:48.000Z',
        worker: HOSTILE_NAME,
        colour: 'unknown',
        reward: '',
      },
      {
        hash: '411f8cd26f3d41aea39e78573927da24d23995705b579f30959b9127e96b79e3',
        at: '2026-11-21T09:12:00.000Z',
        worker: 'rig7',
        colour: 'blue',
        reward: '440000000000',
      },
      {
        hash: '58c2d4199e21f910d1571d114969cecef48f09f934d42ccb6a281a15868f2999',
        at: '2026-11-21T08:30:00.000Z',
        worker: 'rig1',
        colour: 'red',
        reward: '',
      },
    ],
  },
  journal: { state: 'writing', fault: '', appended: 1_234_990, durable: 1_234_987, segment: '000007.seg' },
  database: { state: 'loading', fault: '', lagRecords: 812, lagSeconds: 0.31, loaded: 1_234_175 },
  ready: { ok: true, reasons: [] },
};
