import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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
const LOGIN = `{"id":1,"method":"mining.authorize","params":["${ADDRESS}.rig","x"]}\n`;
const HEADER = 'PROXY TCP4 192.0.2.77 192.0.2.1 40000 5555\r\n';
const PREPOW = Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex');

let certificate: ThrowawayCertificate;
let identity: TlsIdentity;
let stratum: Stratum;
let metrics: Registry;
let intake: ScriptedIntake;
let ports: number[];
const sockets: Socket[] = [];

beforeAll(() => {
  certificate = throwawayCertificate('one');
});
afterAll(() => certificate.remove());
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stratum.close();
});

/** Port 0 speaks TLS, port 1 TLS behind balancers, port 2 plain text. */
async function open(limits: Partial<StratumLimits> = {}, port: Partial<PortOptions> = {}): Promise<void> {
  identity = new TlsIdentity(certificate.certFile, certificate.keyFile);
  metrics = createRegistry();
  intake = new ScriptedIntake();
  const base = {
    host: '127.0.0.1',
    port: 0,
    difficultyLog2: -8,
    difficultyMinLog2: -8,
    difficultyMaxLog2: -8,
    ...port,
  };
  stratum = createStratum({
    ports: [
      { ...base, label: 'tls', tls: identity },
      { ...base, label: 'proxied', tls: identity, proxyFrom: ['127.0.0.1'] },
      { ...base, label: 'plain' },
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
  for (const index of ports.keys())
    stratum.announce(index, { jobId: 7, prePowHash: PREPOW, timestampMs: 1_633_687_894_966n });
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** A stream whose first write goes out in one piece with the PROXY header. */
function headed(socket: Socket): Duplex {
  let head = Buffer.from(HEADER);
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      socket.write(Buffer.concat([head, chunk]));
      head = Buffer.alloc(0);
      done();
    },
  });
  socket.on('data', (chunk) => stream.push(chunk));
  return stream;
}

async function dialTls(options: { port: number } | { socket: Duplex }): Promise<TLSSocket> {
  const socket = connectTls({
    ...options,
    host: '127.0.0.1',
    ca: certificate.cert(),
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => {});
  sockets.push(socket);
  await once(socket, 'secureConnect');
  return socket;
}

async function linesOf(socket: Socket, count: number): Promise<string[]> {
  let text = '';
  for await (const chunk of socket.setEncoding('latin1').iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.split('\n').length > count) break;
  }
  return text.split('\n').slice(0, count);
}

async function closes(reason: string): Promise<number> {
  const { values } = await metrics.getSingleMetric('sluice_stratum_closes_total')!.get();
  return values.find((value) => value.labels.reason === reason)!.value;
}

function addresses(): string[] {
  const found: string[] = [];
  stratum.forEachSession(({ remoteAddress }) => found.push(remoteAddress));
  return found;
}

describe('a port with TLS', () => {
  it('is the same to a miner as any other, once it is encrypted', async () => {
    await open();
    const socket = await dialTls({ port: ports[0]! });
    socket.write(LOGIN);
    const lines = await linesOf(socket, 4);
    expect(lines.map((line) => JSON.parse(line).method ?? JSON.parse(line).result)).toEqual([
      true,
      'mining.set_extranonce',
      'mining.set_difficulty',
      'mining.notify',
    ]);
    socket.write(`{"id":2,"method":"mining.submit","params":["w","7","01"]}\n`);
    expect(await linesOf(socket, 1)).toEqual(['{"id":2,"result":true,"error":null}']);
    expect(addresses()).toEqual(['127.0.0.1']);
    socket.destroy();
    await pollUntil('it is gone', () => stratum.sessionCount() === 0);
  });

  it('takes what came together with the hello, and lines torn into many records', async () => {
    await open();
    const socket = await dialTls({ port: ports[0]! });
    for (const piece of LOGIN.match(/[\s\S]{1,7}/g)!) socket.write(piece);
    expect(await linesOf(socket, 4)).toHaveLength(4);
  });

  it('takes the PROXY header before the hello, in one piece with it or not', async () => {
    await open();
    const apart = await dial(ports[1]!);
    apart.write(HEADER);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const first = await dialTls({ socket: apart });
    first.write(LOGIN);
    const together = await dialTls({ socket: headed(await dial(ports[1]!)) });
    together.write(LOGIN);
    await pollUntil('both are in', () => stratum.authorizedCount() === 2);
    expect(addresses()).toEqual(['192.0.2.77', '192.0.2.77']);
  });

  it('tells plain text in plain text where to go, and counts it', async () => {
    await open();
    const socket = await dial(ports[0]!);
    socket.write(LOGIN);
    const [line] = await linesOf(socket, 1);
    expect(JSON.parse(line!)).toMatchObject({
      id: 1,
      result: null,
      error: [24, expect.stringContaining('TLS'), null],
    });
    expect([await closes('plain_text'), stratum.sessionCount()]).toEqual([1, 0]);
  });

  it('is recognised when it comes to a plain port', async () => {
    await open();
    const socket = connectTls({ port: ports[2]!, host: '127.0.0.1', ca: certificate.cert() });
    sockets.push(socket);
    await once(socket, 'error');
    expect(await closes('tls')).toBe(1);
  });

  it('counts handshakes that come to nothing, and keeps nothing of them', async () => {
    await open({ handshakeTimeoutMs: 200 });
    const broken = await dial(ports[0]!);
    broken.write(Buffer.concat([Buffer.from([0x16, 3, 1, 0, 5]), Buffer.alloc(5, 0xff)]));
    await once(broken.resume(), 'close');
    const halted = await dial(ports[0]!);
    halted.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    await once(halted.resume(), 'close');
    const silent = await dial(ports[0]!);
    await once(silent.resume(), 'close');
    const left = await dial(ports[0]!);
    left.destroy();
    await pollUntil('all four are counted', async () => (await closes('tls_handshake')) === 4);
    expect(stratum.sessionCount()).toBe(0);
    const miner = await dialTls({ port: ports[0]! });
    miner.write(LOGIN);
    expect(await linesOf(miner, 4)).toHaveLength(4);
  });

  it('refuses before the handshake whom its limits refuse, by the address of the PROXY header', async () => {
    await open({}, { limits: { connectionsPerAddress: 1 } });
    const first = await dial(ports[1]!);
    first.write(HEADER);
    (await dialTls({ socket: first })).write(LOGIN);
    await pollUntil('it is in', () => stratum.authorizedCount() === 1);
    const second = await dial(ports[1]!);
    second.write(HEADER);
    await once(second.resume(), 'close');
    expect(await closes('address_connections')).toBe(1);
    const third = await dial(ports[1]!);
    third.write(HEADER.replace('.77', '.78'));
    (await dialTls({ socket: third })).write(LOGIN);
    await pollUntil('it is in as well', () => stratum.authorizedCount() === 2);
  });

  it('takes a renewed certificate without a restart, and keeps the old one when the new is none', async () => {
    await open();
    const old = await dialTls({ port: ports[0]! });
    old.write(LOGIN);
    expect(await linesOf(old, 4)).toHaveLength(4);
    expect(identity.refresh()).toBe(false);
    certificate.renew('two');
    expect(identity.refresh()).toBe(true);
    const fresh = await dialTls({ port: ports[0]! });
    expect(fresh.getPeerCertificate().subject.CN).toBe('two');
    const good = certificate.cert();
    writeFileSync(certificate.certFile, 'no certificate');
    expect(() => identity.refresh()).toThrow(/certificate with its key/);
    writeFileSync(certificate.certFile, good);
    const still = await dialTls({ port: ports[0]! });
    expect(still.getPeerCertificate().subject.CN).toBe('two');
    // Who was there does not notice.
    old.write(`{"id":2,"method":"mining.submit","params":["w","7","02"]}\n`);
    expect(await linesOf(old, 1)).toEqual(['{"id":2,"result":true,"error":null}']);
  });

  it('closes a miner that does not read, and one that is in the middle of its handshake, when it stops', async () => {
    await open({ closeLingerMs: 100 });
    const miner = await dialTls({ port: ports[0]! });
    miner.write(LOGIN);
    await linesOf(miner, 4);
    const halted = await dial(ports[0]!);
    halted.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await stratum.close();
    expect(stratum.sessionCount()).toBe(0);
  });
});
