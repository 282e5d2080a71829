import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/kit/log.ts';
import { InstanceClaim } from '../../src/ledger/instance-claim.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

let server: TestDatabase;
let database: FreshDatabase;
const claims: InstanceClaim[] = [];

beforeAll(async () => {
  server = await withTestDatabase();
  database = await server.freshDatabase();
});
afterAll(async () => {
  for (const claim of claims) await claim.close();
  await server?.stop();
});

function claimOf(instance: string, databaseUrl = database.url): InstanceClaim {
  const claim = new InstanceClaim({ databaseUrl, instance, log: silentLogger });
  claims.push(claim);
  return claim;
}

describe('an instance name', () => {
  it('is had by one engine, and the second is told by whom', async () => {
    await claimOf('pool-a').take();
    await expect(claimOf('pool-a').take()).rejects.toMatchObject({
      code: 'SLUICE_INSTANCE_TAKEN',
      message: expect.stringContaining(`sluice engine ${process.pid} on`),
    });
    await claimOf('pool-b').take();
  });

  it('is free again when its engine ends, also while the next one waits for it', async () => {
    const first = claimOf('pool-c');
    await first.take();
    const second = claimOf('pool-c').take();
    await first.close();
    await second;
  });

  it('keeps nobody from starting while the database is away', async () => {
    await claimOf('pool-d', 'postgres://sluice:x@127.0.0.1:1/none').take();
  });
});
