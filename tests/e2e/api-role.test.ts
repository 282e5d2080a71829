/** `sluice api` as a process: it reads a real PostgreSQL with a role that may only read, and serves until it is told to stop. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type ChildRole, startChildRole } from '../../src/app/child-role.ts';
import { addressOfKey, signText } from '../../src/chains/kaspa/message-signature.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { openDatabase } from '../../src/ledger/stores/postgres.ts';
import { HAS_BROWSER, isLive, openBrowser, visit } from '../kit/browser.ts';
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
  const [account] = await fresh.sql<{ id: string }[]>`
    INSERT INTO accounts (address) VALUES (${given.address}) RETURNING id::text`;
  await fresh.sql`SELECT ensure_day_partitions(current_date - 3)`;
  await fresh.sql`
    WITH former AS (INSERT INTO workers (account_id, name) VALUES (${account!.id}, 'tuesday') RETURNING id)
    INSERT INTO worker_spans (span_start, worker_id, shares, work_hashes)
    SELECT (current_date - 3)::timestamptz + interval '10 hours', id, 1, 10 FROM former`;
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

  it.skipIf(!HAS_BROWSER)(
    'takes in a browser what a wallet has signed, and says why it does not',
    async () => {
      const key = keyOf(0xb0b);
      const address = addressOfKey(key, POOL_TERMS.network);
      await fresh.sql`INSERT INTO accounts (address) VALUES (${address})`;
      const browser = await openBrowser();
      try {
        const { page, faults } = await visit(
          browser,
          new URL(`/miners/${address}`, role.info.httpUrl as string).href,
        );
        const frame = page.locator('[data-settings-frame]');
        await frame.locator('summary').click();
        const letter = frame.locator('textarea');
        await pollUntil('the letter is there', async () => (await letter.inputValue()).includes(address));
        const wanted = (await letter.inputValue()).replace(/^threshold: .*$/m, 'threshold: 7 KAS');
        await letter.fill(wanted);
        const outcome = frame.locator('[data-outcome]');
        const send = async (signature: string): Promise<void> => {
          await frame.locator('input').fill(signature);
          await frame.locator('button').click();
        };
        // What another key has signed; one that is too old; then, as the miner's wallet would.
        await send(signText(wanted, keyOf(0xbad)));
        await outcome.getByText('signature').waitFor();
        expect(await outcome.getAttribute('data-tone')).toBe('bad');
        // His own key, but a letter that has lain about.
        const old = wanted.replace(/^signed at: .*$/m, 'signed at: 2026-01-01T00:00:00Z');
        await letter.fill(old);
        await send(signText(old, key));
        await outcome.getByText('Signed too long ago').waitFor();
        await letter.fill(wanted);
        await send(signText(wanted, key));
        await outcome.getByText('Done.').waitFor();
        const [held] = await fresh.sql<{ sompi: string }[]>`
        SELECT s.threshold_sompi::text AS sompi FROM account_settings s JOIN accounts a ON a.id = s.account_id
        WHERE a.address = ${address}`;
        expect(held!.sompi).toBe('700000000');
        // A refusal by status is written on the console by the browser itself.
        expect(faults.filter((fault) => !/status of 40[03]/.test(fault))).toEqual([]);
      } finally {
        await browser.close();
      }
    },
  );

  it.skipIf(!HAS_BROWSER)('shows who stopped days ago as gone, also once the page is live', async () => {
    await pollUntil('it has been looked for', async () => {
      const { items } = (await (await get(`/api/v1/miners/${given.address}/workers`)).json()) as {
        items: unknown[];
      };
      return items.length > 0;
    });
    const browser = await openBrowser();
    try {
      const { page } = await visit(
        browser,
        new URL(`/miners/${given.address}`, role.info.httpUrl as string).href,
      );
      await isLive(page);
      const row = page.locator('#workers tbody tr');
      expect(await row.textContent()).toMatch(/tuesday.*gone/);
    } finally {
      await browser.close();
    }
  });

  it('ends in order when it is told to', async () => {
    expect(await role.stop()).toBe(0);
  });
});
