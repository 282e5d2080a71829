/** Bad requests to the engine's HTTP side: 4xx with a typed body, no stack, no secret. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoAddresses } from '../../src/miner/miner.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient } from '../kit/share-client.ts';

let rig: PoolRig;

beforeAll(async () => {
  rig = await PoolRig.open({ difficultyLog2: -24, networkDifficultyLog2: 10 });
  await rig.startEngine().ready;
});
afterAll(() => rig?.close());

const CASES: readonly (readonly [string, RequestInit, number, string])[] = [
  ['/nothing', {}, 404, '/problems/not-found'],
  ['/api/v1/nothing', {}, 404, '/problems/not-found'],
  ['/assets/../../package.json', {}, 404, '/problems/not-found'],
  ['/assets/%2e%2e%2f%2e%2e%2fpackage.json', {}, 404, '/problems/not-found'],
  ['/api/v1/pool', { method: 'POST', body: '{' }, 405, '/problems/method-not-allowed'],
  ['/', { method: 'DELETE' }, 405, '/problems/method-not-allowed'],
  ['/metrics', { method: 'PUT', body: 'x' }, 405, '/problems/method-not-allowed'],
  ['/api/v1/live', {}, 426, '/problems/upgrade-required'],
  [`/${'x'.repeat(2000)}`, {}, 414, '/problems/uri-too-long'],
];

describe('the HTTP side', () => {
  it.each(CASES)('answers %.40s %j with %i and a typed problem', async (path, init, status, type) => {
    const response = await fetch(`${rig.httpUrl}${path}`, init);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({
      type,
      status,
      title: expect.any(String),
      hint: expect.any(String),
    });
    expect(text).not.toMatch(/\bat .*\.[jt]s:|postgres:|node_modules|xxxx/);
    if (status === 405) expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  it('survives what is no HTTP at all', async () => {
    const { hostname, port } = new URL(rig.httpUrl);
    for (const bytes of [
      '\x16\x03\x01\x02\x00',
      'nonsense\r\n\r\n',
      `GET / HTTP/1.1\r\nX: ${'y'.repeat(70_000)}\r\n\r\n`,
    ]) {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      const gone = once(socket, 'close');
      await once(socket, 'connect');
      socket.end(bytes);
      socket.resume();
      await gone;
    }
    expect((await fetch(`${rig.httpUrl}/healthz`)).status).toBe(200);
  });

  it("shows a worker's name as data, never as markup", async () => {
    const login = `${demoAddresses(RIG_NETWORK, 1)[0]}.<img src=x onerror=alert(1)>`;
    const client = await ShareClient.login(rig.stratumPort, login);
    await pollUntil('the miner is counted', async () => {
      const pool = (await (await fetch(`${rig.httpUrl}/api/v1/pool`)).json()) as { workers: number };
      return pool.workers === 1;
    });
    for (const path of ['/', '/api/v1/pool', '/metrics']) {
      expect(await (await fetch(`${rig.httpUrl}${path}`)).text()).not.toContain('<img src=x');
    }
    client.destroy();
  });
});
