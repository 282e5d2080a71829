import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { operatorListenOf, operatorPlace } from '../../config/operator-terms.ts';
import { isSameSecret } from '../../src/api/operator/operator-sessions.ts';
import { operatorStatus } from '../../src/api/operator/status-schema.ts';
import { operatorToken } from '../../src/app/operator-token.ts';
import { statusText } from '../../src/app/status-screen.ts';
import { DOOR_TOKEN, OperatorDoor } from '../kit/operator-door.ts';
import { SAMPLE_STATUS } from '../unit/live/sample-report.ts';

const STATUS = '/operator/status.json';
const HALT = '/operator/actions/halt-payouts';
const BEARER = { authorization: `Bearer ${DOOR_TOKEN}` };
const REASON = '{"reason":"a drill"}';

let door: OperatorDoor;
let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-operator-'));
  door = await OperatorDoor.open({ kind: 'loopback', host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await door.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the operator gate', () => {
  it('gives the document to whoever has the token, in the form that its schema says', async () => {
    const answer = await door.ask('GET', STATUS, BEARER);
    expect(answer.status).toBe(200);
    expect(operatorStatus.parse(JSON.parse(answer.text)).verdict.state).toBe('DEGRADED');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  it.each([
    ['none', {}],
    ['a wrong one', { authorization: 'Bearer wrong' }],
    ['its beginning', { authorization: `Bearer ${DOOR_TOKEN.slice(0, -1)}` }],
    ['more than it', { authorization: `Bearer ${DOOR_TOKEN}x` }],
    ['another scheme', { authorization: `Basic ${DOOR_TOKEN}` }],
    ['a cookie that is none', { cookie: 'sluice_operator=abc' }],
    ['the token as a cookie', { cookie: `sluice_operator=${DOOR_TOKEN}` }],
  ])('refuses who has %s', async (_, headers) => {
    const answer = await door.ask('GET', STATUS, headers);
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain(DOOR_TOKEN);
    const order = await door.ask('POST', HALT, { ...headers, origin: 'http://localhost' }, REASON);
    expect(order.status).toBe(401);
    expect(door.orders).toEqual([]);
  });

  it('takes no token from an address, and repeats none', async () => {
    for (const path of [`${STATUS}?token=${DOOR_TOKEN}`, `/operator?${DOOR_TOKEN}`]) {
      const answer = await door.ask('GET', path, BEARER);
      expect(answer.status).toBe(400);
      expect(answer.text).not.toContain(DOOR_TOKEN);
    }
    expect(door.notes.join()).not.toContain(DOOR_TOKEN);
  });

  it.each(['pool.example', 'localhost.evil.example:80', '127.0.0.1.evil.example', '10.0.0.1:8081'])(
    'answers to no other name than this machine: %j',
    async (host) => {
      const answer = await door.ask('GET', STATUS, { ...BEARER, host });
      expect(answer.status).toBe(421);
    },
  );

  it.each(['localhost:9999', '127.0.0.1:1', '[::1]:8081', 'LOCALHOST'])(
    'answers to %j, as a tunnel has it',
    async (host) => {
      expect((await door.ask('GET', STATUS, { ...BEARER, host })).status).toBe(200);
    },
  );

  it.each(['http://evil.example', 'null', 'https://localhost', 'http://localhost:1'])(
    'lets no page of %s speak for the operator, token or not',
    async (origin) => {
      expect((await door.ask('POST', HALT, { ...BEARER, origin }, REASON)).status).toBe(403);
      const { cookie, csrf } = await door.login();
      const stolen = { cookie, origin, 'x-sluice-csrf': csrf };
      expect((await door.ask('POST', HALT, stolen, REASON)).status).toBe(403);
      expect(door.orders).toEqual([]);
    },
  );

  it('takes an order of a session only with its own form token and origin', async () => {
    const mine = await door.login();
    const other = await door.login();
    const origin = 'http://localhost';
    const order = (headers: Record<string, string>) => door.ask('POST', HALT, headers, REASON);
    expect((await order({ cookie: mine.cookie, origin })).status).toBe(403);
    expect((await order({ cookie: mine.cookie, origin, 'x-sluice-csrf': other.csrf })).status).toBe(403);
    expect((await order({ cookie: mine.cookie, 'x-sluice-csrf': mine.csrf })).status).toBe(403);
    expect(door.orders).toEqual([]);
    expect((await order({ cookie: mine.cookie, origin, 'x-sluice-csrf': mine.csrf })).status).toBe(200);
    expect(door.orders).toEqual(['halt a drill']);
    expect(door.notes.at(-1)).toMatch(/^operator \(console session \d+, 127\.0\.0\.1:\d+\) halt-payouts/);
  });

  it('keeps the session from scripts and other sites, and ends it in time and at a logout', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const { headers } = await door.ask('POST', '/operator/login', form, `token=${DOOR_TOKEN}`);
    expect(headers['set-cookie']![0]).toMatch(
      /^sluice_operator=[\w-]{43}; Path=\/operator; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    );
    const { cookie, csrf } = await door.login();
    const out = { ...form, cookie, origin: 'http://localhost' };
    expect((await door.ask('POST', '/operator/logout', out, 'csrf=forged')).status).toBe(403);
    expect((await door.ask('POST', '/operator/logout', out, `csrf=${csrf}`)).status).toBe(303);
    expect((await door.ask('GET', STATUS, { cookie })).status).toBe(401);
    const late = await door.login();
    door.nowMs += 12 * 3_600_000;
    expect((await door.ask('GET', STATUS, { cookie: late.cookie })).status).toBe(401);
  });

  it('ends the oldest of more than sixteen sessions', async () => {
    const sessions = [];
    for (let count = 0; count < 17; count++) sessions.push(await door.login());
    expect((await door.ask('GET', STATUS, { cookie: sessions[0]!.cookie })).status).toBe(401);
    expect((await door.ask('GET', STATUS, { cookie: sessions[1]!.cookie })).status).toBe(200);
  });

  it('lets nobody try tokens in a row, while sessions go on', async () => {
    const { cookie } = await door.login();
    const wrong = { authorization: 'Bearer guess' };
    const answers = [];
    for (let count = 0; count < 8; count++) answers.push((await door.ask('GET', STATUS, wrong)).status);
    expect(answers).toEqual([401, 401, 401, 401, 401, 401, 429, 429]);
    expect((await door.ask('GET', STATUS, BEARER)).status).toBe(429);
    expect((await door.ask('GET', STATUS, { cookie })).status).toBe(200);
    door.nowMs += 10_001;
    expect((await door.ask('GET', STATUS, BEARER)).status).toBe(200);
  });

  it('compares secrets in a time that does not tell where they differ', () => {
    expect(isSameSecret('abc', 'abc')).toBe(true);
    expect([isSameSecret('abd', 'abc'), isSameSecret('ab', 'abc'), isSameSecret('', 'abc')]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('closes on what is no HTTP, and on orders that are too long or no orders', async () => {
    const socket = connect(door.port, '127.0.0.1');
    socket.write('{"id":1,"method":"mining.subscribe"}\n');
    await new Promise((resolve) => socket.once('close', resolve));
    expect((await door.ask('POST', HALT, BEARER, `{"reason":"${'x'.repeat(5_000)}"}`)).status).toBe(413);
    expect((await door.ask('POST', HALT, BEARER, '{')).status).toBe(400);
    expect((await door.ask('POST', HALT, BEARER, '{"reason":"  "}')).status).toBe(400);
    expect((await door.ask('POST', '/operator/actions/constructor', BEARER, '{}')).status).toBe(404);
    expect((await door.ask('GET', HALT, BEARER)).status).toBe(405);
    expect((await door.ask('GET', '/operator/nothing', BEARER)).status).toBe(404);
    expect(door.orders).toEqual([]);
  });
});

describe('where the operator listens', () => {
  it('is loopback or a Unix socket, and nothing else', () => {
    for (const good of [
      '127.0.0.1:8081',
      '127.9.9.9:1',
      '[::1]:8081',
      'localhost:0',
      'unix:/run/sluice/operator.sock',
    ])
      expect(operatorPlace(good), good).toBeDefined();
    for (const bad of [
      '0.0.0.0:8081',
      '10.0.0.1:8081',
      '[::]:8081',
      'pool.example:8081',
      'unix:relative',
      '127.0.0.1:70000',
      '8081',
    ])
      expect(operatorPlace(bad), bad).toBeUndefined();
  });

  it('is a place of its own for each edge', () => {
    expect(operatorListenOf('127.0.0.1:8081', 2)).toBe('127.0.0.1:8082');
    expect(operatorListenOf('unix:/run/sluice/operator.sock', 2)).toBe('unix:/run/sluice/operator-2.sock');
    expect(operatorListenOf('localhost:0', 3)).toBe('localhost:0');
  });

  it('takes over a socket that a killed engine left, and never a file or a socket of somebody', async () => {
    const path = join(folder, 'operator.sock');
    const [file, alive] = [join(folder, 'file'), join(folder, 'alive.sock')];
    writeFileSync(file, 'of somebody');
    await expect(OperatorDoor.open({ kind: 'socket', path: file })).rejects.toThrow(/no socket/);
    const server = createServer().listen(alive);
    await new Promise((resolve) => server.once('listening', resolve));
    await expect(OperatorDoor.open({ kind: 'socket', path: alive })).rejects.toThrow(/somebody listens/);
    server.close();
    const first = await OperatorDoor.open({ kind: 'socket', path });
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect((await first.ask('GET', STATUS, BEARER)).status).toBe(200);
    await first.close();
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('has no token that others can read, or that is short', () => {
    const path = join(folder, 'token');
    writeFileSync(path, DOOR_TOKEN, { mode: 0o644 });
    expect(() => operatorToken(path, {})).toThrow(/others may read/);
    rmSync(path);
    writeFileSync(path, 'short', { mode: 0o600 });
    expect(() => operatorToken(path, {})).toThrow(/32 characters/);
    rmSync(path);
    expect(() => operatorToken(path, {})).toThrow(/cannot be read/);
  });
});

describe('the status in a terminal', () => {
  it('has no control character of a stranger in it', () => {
    const text = statusText(SAMPLE_STATUS);
    // What colours are made of may be there; a terminal's title may not.
    expect(stripVTControlCharacters(text)).not.toMatch(/[^\P{Cc}\n]/u);
    expect(text).toContain('<img src=x');
  });

  it('writes the difficulty of a test port as a power of two, as pages do', () => {
    const [engine] = SAMPLE_STATUS.engines;
    const ports = engine!.snapshot.ports.map((port) => ({ ...port, difficulty: 2 ** -24 }));
    const snapshot = { ...engine!.snapshot, ports };
    const text = statusText({ ...SAMPLE_STATUS, engines: [{ ...engine!, snapshot }] });
    expect(stripVTControlCharacters(text)).toContain('difficulty 2^-24 ');
  });
});
