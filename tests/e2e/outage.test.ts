/** The node or the database is lost: miners stay connected, nothing acknowledged is lost, and everything finds its way back. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { demoAddresses } from '../../src/miner/miner.ts';
import { ShareKeys } from '../kill/client-truth.ts';
import { countRows, readDatabase } from '../kill/database-truth.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient } from '../kit/share-client.ts';

const LOGIN = `${demoAddresses(RIG_NETWORK, 1)[0]}.rig1`;
const SHARES = 40;

let rig: PoolRig;
let client: ShareClient | undefined;
let acknowledged = 0;

beforeAll(async () => {
  rig = await PoolRig.open({ difficultyLog2: -24, networkDifficultyLog2: 10 });
  await rig.startEngine().ready;
});
afterAll(() => rig?.close());
afterEach(() => client?.destroy());

async function logIn(): Promise<ShareClient> {
  client = await ShareClient.login(rig.stratumPort, LOGIN);
  return client;
}

async function mine(miner: ShareClient, count = SHARES): Promise<void> {
  const job = miner.job!.id;
  const codes = await Promise.all(miner.find(count).map((nonce) => miner.submit(nonce, job)));
  expect(codes).toEqual(codes.map(() => 0));
  acknowledged += count;
}

interface Readiness {
  readonly status: number;
  readonly ready?: boolean;
  readonly reasons: readonly string[];
}

async function readiness(): Promise<Readiness> {
  const response = await fetch(`${rig.httpUrl}/readyz`);
  return { ...((await response.json()) as Omit<Readiness, 'status'>), status: response.status };
}

async function becomesReady(): Promise<void> {
  await pollUntil('the engine is ready', async () => (await readiness()).status === 200, 20_000);
}

async function becomesUnready(reason: RegExp): Promise<void> {
  const told = await pollUntil(
    'the engine says that it is not ready',
    async () => {
      const now = await readiness();
      return now.status === 503 && now.reasons.some((each) => reason.test(each)) && now;
    },
    20_000,
  );
  expect(told.ready).toBe(false);
}

async function databaseState(): Promise<string> {
  const pool = (await (await fetch(`${rig.httpUrl}/api/v1/pool`)).json()) as {
    database: { state: string };
  };
  return pool.database.state;
}

/** Journal and database say the same, and it is what the client was told. */
async function allIsStored(): Promise<void> {
  await pollUntil(
    'all acknowledged shares are in PostgreSQL',
    async () => (await countRows(rig.sql).catch(() => 0)) >= acknowledged,
    30_000,
  );
  const database = await readDatabase(rig.sql, new ShareKeys());
  expect([database.shares.size, database.doubled, database.wrongSums]).toEqual([acknowledged, [], 0]);
}

describe('without a node', { timeout: 90_000 }, () => {
  const FAULTS: readonly (readonly [string, RegExp])[] = [
    ['offline', /no synced node|no template/],
    ['stall', /no synced node|no template/],
    ['unsynced', /no synced node/],
  ];

  it.each(FAULTS)(
    'that is "%s", miners stay, their shares count, and all is well when it is back',
    async (fault, reason) => {
      const miner = await logIn();
      await rig.control.send(fault, { value: true });
      await becomesUnready(reason);
      expect(miner.closed).toBe(false);
      await mine(miner);
      await rig.control.send(fault, { value: false });
      await becomesReady();
      await miner.nextJob();
      expect(miner.closed).toBe(false);
      await mine(miner);
    },
  );

  it('whose streams are dropped again and again, miners notice nothing', async () => {
    const miner = await logIn();
    for (let each = 0; each < 3; each++) {
      await rig.control.send('disconnect');
      await mine(miner);
      await miner.nextJob();
    }
    expect(miner.closed).toBe(false);
    await becomesReady();
  });

  it('because it was killed, the engine waits for it and goes on with the next one at its address', async () => {
    const miner = await logIn();
    const node = await rig.killNode();
    await becomesUnready(/no synced node/);
    expect(miner.closed).toBe(false);
    await mine(miner);
    await node.restart();
    await becomesReady();
    await miner.nextJob();
    await mine(miner);
  });

  it('at its start, the engine listens all the same and hands out work when a node comes', async () => {
    expect(await rig.engine.stop()).toBe(0);
    const node = await rig.killNode();
    await rig.startEngine().ready;
    await becomesUnready(/no synced node/);
    const waiting = await ShareClient.connect(rig.stratumPort);
    client = waiting;
    await waiting.ask('mining.subscribe', ['IceRiverMiner-v1.1']);
    expect((await waiting.ask('mining.authorize', [LOGIN, 'x'])).result).toBe(true);
    await node.restart();
    await becomesReady();
    await waiting.nextJob('');
    await mine(waiting);
  });
});

describe('without a database', { timeout: 90_000 }, () => {
  it('that was killed, shares are answered true, and the database catches up', async () => {
    const miner = await logIn();
    process.kill(rig.postmasterPid()!, 'SIGKILL');
    await mine(miner);
    expect((await readiness()).status).toBe(200);
    await allIsStored();
  });

  it('for longer, the engine says so, takes shares all the same, and loads them later', async () => {
    const miner = await logIn();
    const postgres = await rig.stopPostgres();
    await mine(miner);
    await pollUntil('the outage is told', async () => /unreachable|away|failing/.test(await databaseState()));
    await miner.nextJob();
    await mine(miner);
    await postgres.start();
    await allIsStored();
    await pollUntil(
      'the end of the outage is told',
      async () => !/unreachable|away|failing/.test(await databaseState()),
    );
  });

  it('at its start, the engine takes shares and stores them when it comes', async () => {
    const postgres = await rig.stopPostgres();
    await rig.engine.kill();
    await rig.startEngine().ready;
    await mine(await logIn());
    await postgres.start();
    await allIsStored();
  });
});
