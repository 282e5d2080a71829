/** `sluice api` as a process: it reads a real PostgreSQL with a role that may only read, and serves until it is told to stop. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type ChildRole, startChildRole } from '../../src/app/child-role.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { openDatabase } from '../../src/ledger/stores/postgres.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { keyOf, POOL_TERMS, signedSettings } from '../kit/signed-settings.ts';
import {
  type FreshDatabase,
  superuserUrl,
  type TestDatabase,
  withTestDatabase,
} from '../kit/test-database.ts';

const given = signedSettings(keyOf(0xa11ce), { signedAtMs: Math.floor(Date.now() / 1_000) * 1_000 });
const folder = mkdtempSync(join(tmpdir(), 'sluice-api-'));
let database: TestDatabase;
let fresh: FreshDatabase;
let role: ChildRole;

beforeAll(async () => {
  database = await withTestDatabase();
  fresh = await database.freshDatabase();
  await fresh.sql`INSERT INTO accounts (address) VALUES (${given.address})`;
  const owner = openDatabase(superuserUrl(fresh.url), { max: 1, applicationName: 'test' });
  await owner.unsafe(readFileSync(projectPath('deploy', 'roles.sql'), 'utf8'));
  await owner.unsafe(
    `DROP ROLE IF EXISTS pool_api; CREATE ROLE pool_api LOGIN PASSWORD 'of-a-test' IN ROLE sluice_api`,
  );
  await owner.end();
  const url = new URL(fresh.url);
  url.username = 'pool_api';
  url.password = 'of-a-test';
  role = await startApiRole(url.href);
}, 60_000);
afterAll(async () => {
  await role?.stop();
  await database?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function startApiRole(databaseUrl: string): Promise<ChildRole> {
  const file = join(folder, 'sluice.yaml');
  const { network, payAddress } = POOL_TERMS;
  writeFileSync(
    file,
    stringify({
      kaspa: { network, payAddress, nodes: [{ name: 'none', address: '127.0.0.1:1' }] },
      stratum: { ports: [{ port: 0, difficulty: 64, label: 'small' }] },
      database: { url: databaseUrl },
      journal: { directory: join(folder, 'never-made') },
      http: { port: 0 },
    }),
  );
  return startChildRole({ name: 'api', args: ['api', '--config', file], logFile: join(folder, 'api.log') });
}

const get = (path: string): Promise<Response> => fetch(new URL(path, role.info.httpUrl as string));

describe('sluice api', () => {
  it('serves what the database knows, and says that no engine tells anything', async () => {
    await pollUntil('it is ready', async () => (await get('/readyz')).status === 200);
    expect(await (await get(`/api/v1/miners/${given.address}`)).json()).toMatchObject({ balanceSompi: '0' });
    const pool = (await (await get('/api/v1/pool')).json()) as { ready: object };
    expect(pool).toMatchObject({ miners: 0, ready: { ok: false, reasons: ['no engine tells anything'] } });
    expect((await get('/')).status).toBe(200);
    expect((await get('/healthz')).status).toBe(200);
    const metrics = await (await get('/metrics')).text();
    for (const name of ['responses_total', 'figures_age_seconds', 'board_workers 0'])
      expect(metrics).toContain(`sluice_api_${name}`);
  });

  it('takes settings that an account has signed, with rights to nothing else', async () => {
    const response = await fetch(new URL('/api/v1/settings', role.info.httpUrl as string), {
      method: 'POST',
      body: JSON.stringify(given),
    });
    expect([response.status, await response.json()]).toMatchObject([200, { changed: true }]);
  });

  it('ends in order when it is told to', async () => {
    expect(await role.stop()).toBe(0);
  });
});
