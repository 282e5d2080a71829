/** A share that names the wrong job, with real hashes, against the real engine. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoAddresses } from '../../src/miner/miner.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient } from '../kit/share-client.ts';

const LOGIN = `${demoAddresses(RIG_NETWORK, 1)[0]}.rig`;

/** Of the 12 s that a job lives. */
const FOUND_IN_MS = 5_000;

let rig: PoolRig;
beforeAll(async () => {
  // A million hashes a share: nothing is one by chance.
  rig = await PoolRig.open({
    difficultyLog2: -12,
    networkDifficultyLog2: 20,
    port: { jobIntervalMs: 1_500 },
  });
  await rig.startEngine().ready;
}, 60_000);
afterAll(() => rig?.close());

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${rig.httpUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

describe('a share under the id of a later job', () => {
  it('is found on the job that it was made on, credited once, and counted apart', {
    timeout: 90_000,
  }, async () => {
    const client = await ShareClient.login(rig.stratumPort, LOGIN);
    let id: string;
    let nonce: string | undefined;
    // Now and then a share takes ten times as long as usual, and its job is gone.
    for (let startedMs = Number.NEGATIVE_INFINITY; performance.now() - startedMs > FOUND_IN_MS; ) {
      id = (await client.nextJob()).id;
      startedMs = performance.now();
      [nonce] = client.find(1);
    }
    // Grinding has held up this very process: the next line that it reads is of a job not far behind.
    const later = await client.nextJob(id!);
    expect(Number(later.id) - Number(id!)).toBeLessThanOrEqual(8);
    expect(await client.submit(nonce!, later.id)).toBe(0);
    expect(await metric('sluice_validation_rescued_total')).toBe(1);
    expect(await client.submit(nonce!, id!)).toBe(22);
    expect(await client.submit(nonce!, later.id)).toBe(22);
    client.destroy();
  });
});
