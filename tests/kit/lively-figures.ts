/** The rows and figures of `lively-reads`. */
import type { MinerView, WorkerView } from '../../src/api/schemas/miner.ts';
import type { BlockRow, PayoutRow, PoolView } from '../../src/api/schemas/pool.ts';

export const HOSTILE = '<img src=x onerror="document.title=1"> & \'rig\'';
export const FARM = 'kaspatest:qpxh99auuyrzk5r4n2l7gzfw2dufmsh8psc4v7aqch4q7dze063us6dh94zcl';
/** Of this network, and never seen. */
export const STRANGER = 'kaspatest:qp3c3twj7uwyze5tkr2l586ydx8t8k8ayfrkeydkmvqz2jn0jjuauurv0286t';

const KAS = 100_000_000n;
export const kas = (amount: number): string => String((BigInt(Math.round(amount * 1e4)) * KAS) / 10_000n);
export const hex = (seed: number): string => {
  let text = '';
  for (let n = seed + 1; text.length < 64; n = (n * 48_271) % 2_147_483_647)
    text += n.toString(16).padStart(8, '0');
  return text.slice(0, 64);
};
function port(
  label: string,
  difficulty: number,
  more: Partial<PoolView['ports'][number]> = {},
): PoolView['ports'][number] {
  const number = more.port ?? 5555;
  return {
    label,
    url: `stratum+${more.tls ? 'ssl' : 'tcp'}://pool.example:${number}`,
    host: 'pool.example',
    port: number,
    tls: false,
    transport: 'tcp',
    difficulty,
    difficultyMin: difficulty / 4,
    difficultyMax: difficulty * 4,
    sharesPerMinute: 20,
    scheme: 'pplns',
    extranonceBytes: 2,
    connections: 400,
    ...more,
  };
}

export function poolView(nowMs: number): PoolView {
  const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();
  return {
    version: '0.1.0',
    network: 'testnet-10',
    at: ago(0),
    startedAt: ago(7_200),
    uptimeSeconds: 7200,
    loginFormat: 'kaspatest:YOUR_ADDRESS.RIG',
    payAddress: STRANGER,
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
      port('small', 512, { connections: 800 }),
      port('middle', 4096, { port: 5556 }),
      port('large', 16_384, { port: 5557, difficultyMax: 131_072 }),
      port('solo', 4096, { port: 5560, scheme: 'solo', connections: 3 }),
      port('small-tls', 512, { port: 5565, tls: true, connections: 12 }),
      port('proxies', 65_536, { port: 5570, extranonceBytes: 1, sharesPerMinute: null, connections: 1 }),
    ],
    miners: 321,
    workers: 1203,
    hashrate: { m1: 2.41e15, m10: 2.3e15, h1: 1.98e15, h24: 2.05e15 },
    chain: { hashrate: 4.1e17, difficulty: 9.5e6, daaScore: 123_456_789, blocksPerSecond: 10 },
    shares: { accepted: 1_234_567, rejected: { stale_job: 420, duplicate: 3, low_difficulty: 0 } },
    blocks: {
      found: 37,
      accepted: 36,
      refused: 1,
      blue: 33,
      red: 3,
      recent: [],
      h24: 19,
      lastAt: ago(754),
      luck7d: 1.07,
    },
    schemes: [
      {
        scheme: 'pplns',
        feePercent: 1,
        finderBonusPercent: 0,
        windowDifficulties: 36_000,
        roundMinutes: null,
        hashrate: 2.2e15,
        effort: 0.42,
      },
      {
        scheme: 'solo',
        feePercent: 1.5,
        finderBonusPercent: 0,
        windowDifficulties: null,
        roundMinutes: null,
        hashrate: 9e13,
        effort: 3.1,
      },
    ],
    payouts: {
      minimumSompi: kas(100),
      leastThresholdSompi: kas(10),
      intervalSeconds: 3600,
      maturityDaa: 1000,
      lastAt: ago(1900),
      paidSompi: kas(123_456.789),
      state: 'running',
    },
    journal: { state: 'writing', fault: '', appended: 1_234_990, durable: 1_234_987, segment: '000007.seg' },
    database: { state: 'loading', fault: '', lagRecords: 812, lagSeconds: 0.31, loaded: 1_234_175 },
    ready: { ok: true, reasons: [] },
  };
}

export function workers(nowMs: number): WorkerView[] {
  const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();
  const worker = (name: string, more: Partial<WorkerView> = {}): WorkerView => ({
    name,
    state: 'online',
    hashrate: { m10: 8.1e12, h1: 8.0e12, h24: 7.7e12 },
    accepted24h: 41_230,
    rejected24h: { stale_job: 210, duplicate: 2 },
    lastShareAt: ago(4),
    connections: 1,
    connectedSince: ago(86_400 * 3),
    difficulty: 4096,
    agent: 'IceRiverMiner-v1.1',
    port: 'middle',
    blocks24h: 1,
    trouble: 0,
    ...more,
  });
  const none = { m10: 0, h1: 0, h24: 5.1e12 };
  return [
    worker('ks3-north', {
      state: 'offline',
      hashrate: none,
      lastShareAt: ago(2520),
      connections: 0,
      connectedSince: null,
      difficulty: null,
      trouble: 90,
    }),
    worker(HOSTILE, { agent: HOSTILE, rejected24h: { stale_job: 4100 }, trouble: 40 }),
    worker('box-2', {
      state: 'idle',
      agent: 'goldshell',
      hashrate: { m10: 0, h1: 6e11, h24: 1.1e12 },
      lastShareAt: ago(1110),
      difficulty: 1024,
      trouble: 20,
    }),
    ...['ks3-a', 'ks3-b', 'ks5-lower', 'ks5-upper'].map((name) => worker(name)),
    worker('', { agent: '', blocks24h: 0 }),
  ];
}

export function miner(nowMs: number, list: readonly WorkerView[]): MinerView {
  const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();
  const of = (state: WorkerView['state']): number => list.filter((worker) => worker.state === state).length;
  return {
    address: FARM,
    at: ago(0),
    firstSeenAt: ago(86_400 * 40),
    lastShareAt: ago(4),
    hashrate: { m10: 3.31e13, h1: 3.2e13, h24: 3.6e13 },
    workers: { online: of('online'), idle: of('idle'), offline: of('offline') },
    shares: {
      h1: { accepted: 5120, rejected: { stale_job: 41, low_difficulty: 9 } },
      h24: { accepted: 120_000, rejected: { stale_job: 900 } },
    },
    balanceSompi: kas(71.2345),
    immatureSompi: kas(3.4),
    inFlightSompi: '0',
    paidSompi: kas(8123.5),
    earned24hSompi: kas(48.1),
    threshold: { sompi: kas(100), asked: false },
    donationBasisPoints: 0,
    settingsSignedAt: '',
    nextPayout: {
      at: new Date(nowMs + 1_700_000).toISOString(),
      paysNow: false,
      estimateSompi: kas(71.2345),
      reachedInSeconds: 51_700,
    },
  };
}

export function blocks(nowMs: number): BlockRow[] {
  const states: BlockRow['state'][] = ['accepted', 'blue', 'matured', 'matured', 'red', 'matured', 'matured'];
  return Array.from({ length: 60 }, (_, index) => {
    const state = states[index] ?? (index % 11 === 0 ? 'red' : 'matured');
    const paid = state === 'blue' || state === 'matured';
    return {
      hash: hex(index),
      at: new Date(nowMs - (index * 4300 + 754) * 1000).toISOString(),
      state,
      colour: state === 'red' ? 'red' : paid ? 'blue' : 'unknown',
      scheme: 'pplns',
      finder: FARM,
      worker: index === 1 ? HOSTILE : `ks3-${index % 5}`,
      instance: 'a',
      daaScore: 123_456_789 - index * 43_000,
      blueScore: 120_000_000 - index * 42_000,
      rewardSompi: paid ? kas(4.4012) : null,
      mergingBlock: paid ? hex(index + 1000) : null,
      effort: index === 0 ? null : 0.3 + ((index * 37) % 240) / 100,
      templateAgeMs: 310,
      causes: state === 'red' ? ['found on a template 2.1 s old'] : [],
      settlements: state === 'matured' ? [String(900 - index)] : [],
    };
  });
}

export function payouts(nowMs: number): PayoutRow[] {
  return Array.from({ length: 40 }, (_, index) => ({
    id: String(400 - index),
    at: new Date(nowMs - (index * 3600 + 1900) * 1000).toISOString(),
    state: index === 0 ? 'BROADCAST' : 'CONFIRMED',
    txid: hex(index + 5000),
    payees: 81 - index,
    paidSompi: kas(4310.1234 + index),
    feeSompi: kas(0.0021),
  }));
}
