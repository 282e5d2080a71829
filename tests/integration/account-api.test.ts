/** Settings of accounts over HTTP: the API thread with its own connections to a real database, by both engines. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ApiHandle, startApi } from '../../src/api/api-client.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry } from '../../src/kit/metrics.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { SAMPLE_TERMS } from '../kit/sample-terms.ts';
import { keyOf, POOL_TERMS, signedSettings } from '../kit/signed-settings.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';
import { SAMPLE } from '../unit/api/sample-snapshot.ts';

const ALICE = keyOf(0xa11ce);
const address = signedSettings(ALICE).address;

let database: TestDatabase;
let fresh: FreshDatabase;
let api: ApiHandle;

beforeAll(async () => {
  database = await withTestDatabase();
}, 60_000);
afterAll(() => database?.stop());

describe.each(['node', 'auto'] as const)('settings over HTTP by engine %s', (engine) => {
  beforeEach(async () => {
    fresh = await database.freshDatabase();
    await fresh.sql`INSERT INTO accounts (address) VALUES (${address})`;
    api = await start(fresh.url);
  });
  afterEach(async () => {
    await api.close();
    await fresh.drop();
  });

  function start(databaseUrl: string): Promise<ApiHandle> {
    const registry = createRegistry();
    const pool = { terms: SAMPLE_TERMS, databaseUrl, snapshot: () => SAMPLE };
    return startApi({ port: 0, engine, registry, log: silentLogger, ...pool });
  }
  const url = (path: string): string => new URL(path, api.url).href;
  const send = (body: unknown, more: RequestInit = {}): Promise<Response> =>
    fetch(url('/api/v1/settings'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...more,
    });
  const now = (): number => Math.floor(Date.now() / 1_000) * 1_000;
  const show = (of = address): Promise<Response> => fetch(url(`/api/v1/miners/${of}`));

  it('take signed settings once, and show what holds', async () => {
    const given = signedSettings(ALICE, { signedAtMs: now() });
    const response = await send(given);
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await response.json()).toMatchObject({
      changed: true,
      thresholdSompi: '5000000000',
      alerts: 'me@example.org',
    });
    expect(await (await send(given)).json()).toMatchObject({ changed: false });
    // Where alerts go is between the account and the pool.
    await pollUntil('the boards are filled', async () => (await show()).status === 200);
    expect(await (await show()).text()).not.toContain('example.org');
  });

  it('tell what a message has to say here', async () => {
    const form = (await (await fetch(url('/api/v1/settings'))).json()) as Record<string, string>;
    expect(form).toMatchObject({
      network: 'devnet',
      pool: POOL_TERMS.payAddress,
      leastThresholdSompi: '100000000',
    });
    expect(form.message).toContain(
      `pool: ${POOL_TERMS.payAddress}\naddress: YOUR_ADDRESS\nthreshold: 10 KAS`,
    );
  });

  it('answer what is none of theirs with problems of stable names', async () => {
    const late = signedSettings(ALICE, { signedAtMs: Date.UTC(2026, 0) });
    const cases: readonly (readonly [unknown, number, string])[] = [
      ['{', 400, 'body-malformed'],
      ['[]', 400, 'body-malformed'],
      [{ ...signedSettings(ALICE), admin: true }, 400, 'body-malformed'],
      [{ address }, 400, 'body-malformed'],
      [{ address, message: 'hello', signature: 'x' }, 400, 'message-malformed'],
      [late, 400, 'signed-too-early'],
      ['x'.repeat(4_097), 413, 'body-too-large'],
      ['x'.repeat(3_000_000), 413, 'body-too-large'],
    ];
    for (const [body, status, name] of cases) {
      const response = await send(body);
      expect([name, response.status]).toEqual([name, status]);
      expect(response.headers.get('content-type')).toBe('application/problem+json');
      expect(await response.json()).toMatchObject({ type: `/problems/${name}`, status });
    }
  });

  it('answer a foreign signature with 403, a stranger with 404, an older message with 409', async () => {
    const given = signedSettings(ALICE, { signedAtMs: now() });
    const forged = { ...given, signature: signedSettings(keyOf(2), { signedAtMs: now() }).signature };
    expect((await send(forged)).status).toBe(403);
    expect((await send(signedSettings(keyOf(9), { signedAtMs: now() }))).status).toBe(404);
    expect((await send(given)).status).toBe(200);
    expect((await send(signedSettings(ALICE, { signedAtMs: now() - 60_000 }))).status).toBe(409);
  });

  it('slow down one client that keeps sending, and say for how long', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 12; n++) statuses.push((await send('{')).status);
    expect(statuses).toEqual([...Array<number>(10).fill(400), 429, 429]);
    const response = await send('{');
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    // Another one, as a proxy on this machine tells them apart.
    expect((await send('{', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(400);
  });

  it('slow down an account that changes its mind all the time, but not because of forgeries', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 7; n++) {
      const given = signedSettings(ALICE, { signedAtMs: now() - 60_000 + n * 1_000 });
      const headers = { 'x-forwarded-for': `203.0.113.${n}` };
      const forged = { ...given, signature: '1'.repeat(128) };
      expect((await send(forged, { headers })).status).toBe(403);
      statuses.push((await send(given, { headers })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
  });

  it('answer 503 while the database is away, and everything else as ever', async () => {
    await api.close();
    api = await start('postgres://nobody:x@127.0.0.1:1/none');
    const response = await send(signedSettings(ALICE, { signedAtMs: now() }));
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ type: '/problems/unavailable' });
    expect((await show()).status).toBe(503);
    expect((await fetch(url('/healthz'))).status).toBe(200);
    // Nonsense is refused without asking it.
    expect((await send('{')).status).toBe(400);
  });

  it('say what is allowed to whoever asks first, as browsers do', async () => {
    const options = await fetch(url('/api/v1/settings'), { method: 'OPTIONS' });
    expect(options.status).toBe(204);
    expect(options.headers.get('allow')).toBe('GET, HEAD, POST, OPTIONS');
    expect(options.headers.get('access-control-allow-headers')).toBe('content-type');
    const put = await send('{}', { method: 'PUT' });
    expect(put.status).toBe(405);
    expect((await fetch(url(`/api/v1/miners/${address}`), { method: 'POST', body: '{}' })).status).toBe(405);
  });
});
