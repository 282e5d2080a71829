import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { checkAddress, encodeAddress } from '../../src/chains/kaspa/address.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry, type Registry } from '../../src/kit/metrics.ts';
import { TlsIdentity } from '../../src/stratum/socket/tls-identity.ts';
import type { StratumLimits } from '../../src/stratum/stratum-limits.ts';
import { createStratum, type PortOptions, type Stratum } from '../../src/stratum/stratum-server.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { ScriptedIntake } from '../kit/scripted-intake.ts';
import { type ThrowawayCertificate, throwawayCertificate } from '../kit/throwaway-certificate.ts';

const ADDRESS = encodeAddress({ prefix: 'kaspadev', version: 0, payload: Buffer.alloc(32, 7) });
const LOGIN = `{"id":1,"method":"mining.authorize","params":["${ADDRESS}.rig","x"]}`;
const HEADER = 'PROXY TCP4 192.0.2.77 192.0.2.1 40000 5555\r\n';
const PREPOW = Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex');
const jobOf = (jobId: number) => ({ jobId, prePowHash: PREPOW, timestampMs: 1_633_687_894_966n });

let certificate: ThrowawayCertificate;
let stratum: Stratum;
let metrics: Registry;
let intake: ScriptedIntake;
let ports: number[];
const opened: { destroy(): void }[] = [];

beforeAll(() => {
  certificate = throwawayCertificate();
});
afterAll(() => certificate.remove());
afterEach(async () => {
  for (const one of opened.splice(0)) one.destroy();
  await stratum.close();
});

/** Port 0 is plain, port 1 behind balancers, port 2 encrypted. */
async function open(limits: Partial<StratumLimits> = {}, port: Partial<PortOptions> = {}): Promise<void> {
  metrics = createRegistry();
  intake = new ScriptedIntake();
  const base = {
    host: '127.0.0.1',
    port: 0,
    transport: 'websocket',
    difficultyLog2: -8,
    difficultyMinLog2: -8,
    difficultyMaxLog2: -8,
    ...port,
  } as const;
  stratum = createStratum({
    ports: [
      { ...base, label: 'ws' },
      { ...base, label: 'proxied', proxyFrom: ['127.0.0.1'] },
      { ...base, label: 'wss', tls: new TlsIdentity(certificate.certFile, certificate.keyFile) },
    ],
    checkAddress: (text) => checkAddress(text, 'devnet'),
    workers: { acquireWorker: () => 1, releaseWorker: () => {} },
    registry: metrics,
    log: silentLogger,
    clock: () => performance.now(),
    random: () => 0,
    limits,
  });
  intake.sink = stratum.replySink;
  ports = (await stratum.open(intake)).map((one) => one.port);
  intake.jobs.add(7);
  for (const index of ports.keys()) stratum.announce(index, jobOf(7));
}

interface Client {
  readonly socket: WebSocket;
  readonly lines: string[];
  closed: boolean;
}

function clientOf(socket: WebSocket): Client {
  const client: Client = { socket, lines: [], closed: false };
  opened.push({ destroy: () => socket.terminate() });
  socket.on('message', (data) => client.lines.push(String(data)));
  socket.on('error', () => {});
  socket.on('close', () => {
    client.closed = true;
  });
  return client;
}

async function dial(index: number): Promise<Client> {
  const scheme = index === 2 ? 'wss' : 'ws';
  const client = clientOf(
    new WebSocket(`${scheme}://127.0.0.1:${ports[index]}/`, { rejectUnauthorized: false }),
  );
  await once(client.socket, 'open');
  return client;
}

async function dialTcp(index: number): Promise<Socket> {
  const socket = connect(ports[index]!, '127.0.0.1');
  socket.on('error', () => {});
  opened.push(socket);
  await once(socket, 'connect');
  return socket;
}

async function closes(reason: string): Promise<number> {
  const { values } = await metrics.getSingleMetric('sluice_stratum_closes_total')!.get();
  return values.find((value) => value.labels.reason === reason)!.value;
}

describe('stratum over WebSocket', () => {
  it.each([0, 2])('has a line in each frame and the same session behind it, on port %i', async (index) => {
    await open();
    const client = await dial(index);
    client.socket.send(LOGIN);
    await pollUntil('the login is through', () => client.lines.length === 4);
    expect(client.lines.map((line) => JSON.parse(line).method ?? JSON.parse(line).result)).toEqual([
      true,
      'mining.set_extranonce',
      'mining.set_difficulty',
      'mining.notify',
    ]);
    expect(client.lines.every((line) => !line.includes('\n'))).toBe(true);
    client.socket.send('{"id":2,"method":"mining.submit","params":["w","7","01"]}');
    // As bytes, with a newline, and two in one frame: all the same.
    client.socket.send(Buffer.from('{"id":3,"method":"mining.submit","params":["w","7","02"]}\n'));
    client.socket.send('{"id":4,"method":"mining.ping"}\n{"id":5,"method":"mining.ping"}');
    await pollUntil('all are answered', () => client.lines.length === 8);
    expect(
      client.lines
        .slice(4)
        .map((line) => JSON.parse(line).id)
        .sort(),
    ).toEqual([2, 3, 4, 5]);
    stratum.announce(index, jobOf(8));
    await pollUntil('the job came', () => client.lines.length === 9);
    client.socket.close();
    await pollUntil('it is gone', () => stratum.sessionCount() === 0);
  });

  it('knows a miner by the address that a balancer names', async () => {
    await open();
    const socket = await dialTcp(1);
    socket.write(HEADER);
    const client = clientOf(new WebSocket(`ws://127.0.0.1:${ports[1]}/`, { createConnection: () => socket }));
    await once(client.socket, 'open');
    client.socket.send(LOGIN);
    await pollUntil('it is in', () => stratum.authorizedCount() === 1);
    const found: string[] = [];
    stratum.forEachSession(({ remoteAddress }) => found.push(remoteAddress));
    expect(found).toEqual(['192.0.2.77']);
  });

  it('tells a miner that speaks plain stratum where to go, and a browser what it is', async () => {
    await open();
    const miner = await dialTcp(0);
    let text = '';
    miner.setEncoding('latin1').on('data', (chunk) => {
      text += chunk;
    });
    miner.write(`${LOGIN}\n`);
    await pollUntil('it is answered', () => text.includes('\n'));
    expect(JSON.parse(text)).toMatchObject({
      id: 1,
      error: [24, expect.stringContaining('WebSocket'), null],
    });
    const page = await fetch(`http://127.0.0.1:${ports[0]}/`);
    expect([page.status, await page.text()]).toEqual([
      426,
      expect.stringContaining('a text frame is a line'),
    ]);
    expect([await closes('plain_text'), await closes('websocket_handshake')]).toEqual([1, 1]);
    expect(stratum.sessionCount()).toBe(0);
  });

  it('keeps nothing of a handshake that comes to nothing', async () => {
    await open({ handshakeTimeoutMs: 200 });
    for (const bytes of ['\x01\x02\x03 nonsense\r\n\r\n', 'GET / HTTP/1.1\r\nHost: x\r\n', '']) {
      const socket = await dialTcp(0);
      if (bytes !== '') socket.write(bytes);
      await once(socket.resume(), 'close');
    }
    await pollUntil('all are counted', async () => (await closes('websocket_handshake')) === 3);
    expect(stratum.sessionCount()).toBe(0);
    const client = await dial(0);
    client.socket.send(LOGIN);
    await pollUntil('the next is served', () => client.lines.length === 4);
  });

  it('closes who sends a line without end', async () => {
    await open();
    for (const length of [9_000, 100_000]) {
      const client = await dial(0);
      client.socket.send('x'.repeat(length));
      await pollUntil('it is closed', () => client.closed);
    }
    expect(stratum.sessionCount()).toBe(0);
  });

  it('leaves out jobs for a miner that does not read, and closes it, while others get theirs', async () => {
    await open({ socketBacklogCloseBytes: 20_000 });
    const [stuck, miner] = [await dial(0), await dial(0)];
    for (const { socket } of [stuck, miner]) socket.send(LOGIN);
    await pollUntil('both are in', () => stratum.authorizedCount() === 2);
    stuck.socket.pause();
    // Its own answers fill what the kernel keeps for it.
    const pings = '{"id":4,"method":"mining.ping"}\n'.repeat(200);
    for (let round = 0; round < 5_000 && !stuck.closed && stratum.authorizedCount() === 2; round++) {
      stuck.socket.send(pings);
      if (round % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await pollUntil('it is closed', () => stratum.authorizedCount() === 1);
    expect(await closes('slow_reader')).toBe(1);
    const before = miner.lines.length;
    stratum.announce(0, jobOf(9));
    await pollUntil('the other has its job', () => miner.lines.length === before + 1);
  });

  it('says goodbye in order when it stops', async () => {
    await open();
    const client = await dial(0);
    client.socket.send(LOGIN);
    await pollUntil('it is in', () => client.lines.length === 4);
    const closed = once(client.socket, 'close');
    await stratum.close();
    expect((await closed)[0]).toBe(1000);
  });
});
