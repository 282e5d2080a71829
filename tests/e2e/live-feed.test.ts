/**
 * Two edges without a port for pages, and `sluice api` beside them: what miners do is seen there over live sockets, an edge that is killed
 * disappears and comes back, and what was refused lies in PostgreSQL, counted to the last one, after an ordered stop.
 */
import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ChildRole, startChildRole } from '../../src/app/child-role.ts';
import { SocketFeed } from '../../src/live/socket-feed.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import type { EngineInfo } from '../kit/engine-process.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_INSTANCE, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient } from '../kit/share-client.ts';

const ADDRESS = demoAddresses(RIG_NETWORK, 1)[0]!;
const DUPLICATE = 22;

let rig: PoolRig;
let info: EngineInfo;
let api: ChildRole | undefined;
let feed: SocketFeed;
let live: string;
/** Answers that were not `true`, of workers that had a share before. */
let refused = 0;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-feed-'));
  live = join(folder, 'live');
  rig = await PoolRig.open({
    ...{ folder, difficultyLog2: -24, networkDifficultyLog2: 10 },
    top: { http: { port: 0, enabled: false }, live: { directory: live } },
  });
  info = await rig.startEngine('--edges', '2').ready;
  feed = new SocketFeed({ directory: live, onFault: () => {} });
}, 90_000);

afterAll(async () => {
  feed?.close();
  await api?.stop();
  await rig?.engine.stop();
  await rig?.close();
});

/** One share, and the same once more. */
async function mine(worker: string): Promise<ShareClient> {
  const miner = await ShareClient.login(rig.stratumPort, `${ADDRESS}.${worker}`);
  const [nonce] = miner.find(1);
  const job = miner.job!.id;
  expect(await miner.submit(nonce!, job)).toBe(0);
  expect(await miner.submit(nonce!, job)).toBe(DUPLICATE);
  refused++;
  return miner;
}

const startApi = () =>
  startChildRole({
    name: 'api',
    args: ['api', '--config', rig.configFile],
    logFile: join(rig.folder, 'api.log'),
  });
const json = async (path: string): Promise<Record<string, unknown>> =>
  (await (await fetch(new URL(path, api!.info.httpUrl as string))).json()) as Record<string, unknown>;

describe('engines without a port for pages', { timeout: 90_000 }, () => {
  it('open none, and tell a reader of every miner, whichever edge it came to', async () => {
    expect(info.httpUrls).toEqual(['', '']);
    expect(readdirSync(live).sort()).toEqual([`${RIG_INSTANCE}-1.sock`, `${RIG_INSTANCE}-2.sock`]);
    const miners: ShareClient[] = [];
    // Who takes a connection is a race; each edge has its turn while the other one stands still.
    for (const pid of info.edgePids!) {
      process.kill(pid, 'SIGSTOP');
      const login = mine(`rig${miners.length}`);
      miners.push(await login.finally(() => process.kill(pid, 'SIGCONT')));
    }
    const told = () => feed.workersOf(ADDRESS).filter(({ rejected }) => rejected.duplicate === 1);
    await pollUntil('both are told', () => told().length === 2);
    expect(new Set(told().map(({ instance }) => instance)).size).toBe(2);
    expect(told()[0]).toMatchObject({ accepted: 1, dialect: expect.any(String), portIndex: 0 });
    await pollUntil('both report', () => feed.engines().length === 2);
    const diaries = await feed.diariesOf(ADDRESS);
    expect(diaries.flatMap(({ events }) => events.map(({ verdict }) => verdict))).toContain('duplicate');
    for (const miner of miners) miner.destroy();
    await pollUntil('both have left', () => feed.counts().connections === 0);
  });

  it('are seen together in `sluice api`, which may be killed and started again', async () => {
    const miner = await mine('rig0');
    for (let life = 0; life < 2; life++) {
      api = await startApi();
      await pollUntil('the pool has its miner', async () => (await json('/api/v1/pool')).workers === 1);
      const metrics = await fetch(new URL(`/metrics/${RIG_INSTANCE}-1`, api.info.httpUrl as string));
      expect(await metrics.text()).toContain('sluice_live_readers');
      if (life === 0) {
        api.process.kill('SIGKILL');
        await api.exited;
      }
    }
    expect((await fetch(new URL('/metrics/nobody', api!.info.httpUrl as string))).status).toBe(404);
    miner.destroy();
  });

  it('disappear when they are killed, and are back with all that they have when they come back', async () => {
    process.kill(info.edgePids![0]!, 'SIGKILL');
    await pollUntil('one is left', () => feed.engines().length === 1, 20_000);
    await pollUntil('it is back', () => feed.engines().length === 2, 30_000);
    const miner = await mine('rig1');
    await pollUntil('its miner is told', () => feed.counts().connections === 1);
    miner.destroy();
  });

  it('have stored what they refused, every one of them once, when they are told to stop', async () => {
    // What was refused since the minute before dies with who is killed: one edge was.
    const lostMax = 2;
    expect(await rig.engine.stop()).toBe(0);
    const [sums] = await rig.sql<{ pool: number; workers: number }[]>`
      SELECT (SELECT coalesce(sum(count), 0)::int FROM reject_sums WHERE verdict = 6) AS pool,
        (SELECT coalesce(sum(count), 0)::int FROM worker_refusals WHERE verdict = 6) AS workers`;
    expect(sums!.workers).toBe(sums!.pool);
    expect(sums!.pool).toBeLessThanOrEqual(refused);
    expect(sums!.pool).toBeGreaterThanOrEqual(refused - lostMax);
    expect(readdirSync(live)).toEqual([]);
  });

  it('count refusals exactly over an ordered stop and a start', async () => {
    const before = await rig.sql<
      { sum: number }[]
    >`SELECT coalesce(sum(count), 0)::int AS sum FROM worker_refusals`;
    info = await rig.startEngine('--edges', '2').ready;
    const miners = await Promise.all(Array.from({ length: 6 }, (_, i) => mine(`rig${i}`)));
    miners[0]!.destroy();
    expect(await rig.engine.stop()).toBe(0);
    const after = await rig.sql<
      { sum: number }[]
    >`SELECT coalesce(sum(count), 0)::int AS sum FROM worker_refusals`;
    expect(after[0]!.sum - before[0]!.sum).toBe(6);
  });
});
