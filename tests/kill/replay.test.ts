/** Shares that were paid for before a crash are sent again after it: nothing of it may be paid twice. */
import { afterEach, describe, expect, it } from 'vitest';
import { demoAddresses } from '../../src/miner/miner.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, type PoolRigOptions, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient, type ShareJob } from '../kit/share-client.ts';
import { ShareKeys } from './client-truth.ts';
import { countRows, readDatabase } from './database-truth.ts';

const DIFFICULTY_LOG2 = -26;
/** No block will be found: own blocks would change the frozen template. */
const NETWORK_DIFFICULTY_LOG2 = 10;
const SHARES = 6;
const LOGIN = `${demoAddresses(RIG_NETWORK, 1)[0]}.rig1`;

let rig: PoolRig | undefined;
const clients: ShareClient[] = [];

async function openRig(options: Partial<PoolRigOptions> = {}): Promise<PoolRig> {
  rig = await PoolRig.open({
    difficultyLog2: DIFFICULTY_LOG2,
    networkDifficultyLog2: NETWORK_DIFFICULTY_LOG2,
    ...options,
  });
  await rig.control.send('freeze', { value: true });
  await rig.startEngine().ready;
  return rig;
}

async function logIn(pool: PoolRig): Promise<ShareClient> {
  const client = await ShareClient.login(pool.stratumPort, LOGIN);
  clients.push(client);
  return client;
}

async function submitAll(client: ShareClient, nonces: readonly string[], jobId?: string): Promise<number[]> {
  return Promise.all(nonces.map((nonce) => client.submit(nonce, jobId)));
}

async function crash(pool: PoolRig): Promise<void> {
  await pool.engine.kill();
  await pool.startEngine().ready;
}

const isSameWork = (one: ShareJob, other: ShareJob) =>
  one.timestampMs === other.timestampMs && Buffer.compare(one.prePowHash, other.prePowHash) === 0;
const all = (code: number) => Array<number>(SHARES).fill(code);

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await rig?.close();
  rig = undefined;
});

describe('shares sent again after a crash', { timeout: 60_000 }, () => {
  it('are unknown under their old job, duplicates under a new job of the same work, and stored once', async () => {
    // Otherwise they would be refused already for lying under another extranonce.
    const pool = await openRig({ enforceExtranonce: false });
    const before = await logIn(pool);
    const job = before.job!;
    const nonces = before.find(SHARES);
    expect(await submitAll(before, nonces)).toEqual(all(0));

    await crash(pool);
    const after = await logIn(pool);
    expect(after.job!.id).not.toBe(job.id);
    expect(isSameWork(after.job!, job)).toBe(true);
    expect(await submitAll(after, nonces, job.id)).toEqual(all(21));
    expect(await submitAll(after, nonces)).toEqual(all(22));
    // The same work is good for nonces that nobody has sent.
    const fresh = after.find(SHARES);
    expect(await submitAll(after, fresh)).toEqual(all(0));

    // A second crash: what came before the first one is still remembered.
    await crash(pool);
    const later = await logIn(pool);
    expect(isSameWork(later.job!, job)).toBe(true);
    expect(await submitAll(later, [...nonces, ...fresh])).toEqual([...all(22), ...all(22)]);

    await pollUntil('all is loaded', async () => (await countRows(pool.sql)) >= 2 * SHARES);
    const database = await readDatabase(pool.sql, new ShareKeys());
    expect([database.shares.size, database.doubled, database.wrongSums]).toEqual([2 * SHARES, [], 0]);
  });

  it('are refused for their extranonce where nonces must lie under the own one', async () => {
    const pool = await openRig();
    const before = await logIn(pool);
    const nonces = before.find(SHARES);
    expect(await submitAll(before, nonces)).toEqual(all(0));
    await crash(pool);
    const after = await logIn(pool);
    expect(after.extranonceHex).not.toBe(before.extranonceHex);
    expect(await submitAll(after, nonces)).toEqual(all(21));
    expect(await submitAll(after, after.find(SHARES))).toEqual(all(0));
  });

  it('are refused, too, by an engine that was stopped in order', async () => {
    const pool = await openRig({ enforceExtranonce: false });
    const before = await logIn(pool);
    const nonces = before.find(SHARES);
    expect(await submitAll(before, nonces)).toEqual(all(0));
    expect(await pool.engine.stop()).toBe(0);
    await pool.startEngine().ready;
    const after = await logIn(pool);
    expect(isSameWork(after.job!, before.job!)).toBe(true);
    expect(await submitAll(after, nonces)).toEqual(all(22));
  });
});
