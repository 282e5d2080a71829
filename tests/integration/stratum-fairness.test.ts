import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkAddress, encodeAddress } from '../../src/chains/kaspa/address.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry, type Registry } from '../../src/kit/metrics.ts';
import type { StratumLimits } from '../../src/stratum/stratum-limits.ts';
import { createStratum, type PortOptions, type Stratum } from '../../src/stratum/stratum-server.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { ScriptedIntake } from '../kit/scripted-intake.ts';

const ADDRESS = encodeAddress({ prefix: 'kaspadev', version: 0, payload: Buffer.alloc(32, 7) });
const LOGIN = `{"id":1,"method":"mining.authorize","params":["${ADDRESS}.rig","x"]}\n`;
const headerOf = (address: string) => `PROXY TCP4 ${address} 192.0.2.1 40000 5555\r\n`;

let stratum: Stratum;
let metrics: Registry;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await stratum.close();
});

async function open(
  sockets: 'auto' | 'net',
  port: Partial<PortOptions>,
  limits: Partial<StratumLimits> = {},
): Promise<number> {
  metrics = createRegistry();
  const intake = new ScriptedIntake();
  const difficulty = { difficultyLog2: -8, difficultyMinLog2: -8, difficultyMaxLog2: -8 };
  stratum = createStratum({
    ports: [{ host: '127.0.0.1', port: 0, ...difficulty, label: 'limited', ...port }],
    checkAddress: (text) => checkAddress(text, 'devnet'),
    workers: { acquireWorker: () => 1, releaseWorker: () => {} },
    registry: metrics,
    log: silentLogger,
    clock: () => performance.now(),
    random: () => 0,
    sockets,
    limits,
  });
  intake.sink = stratum.replySink;
  return (await stratum.open(intake))[0]!.port;
}

/** Says what it has to and keeps what it was told. */
async function dial(
  port: number,
  opening: string,
): Promise<{ socket: Socket; text(): string; closed(): boolean }> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  let closed = false;
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  socket.on('close', () => {
    closed = true;
  });
  await once(socket, 'connect');
  socket.write(opening);
  return { socket, text: () => text, closed: () => closed };
}

async function closes(reason: string): Promise<number> {
  const { values } = await metrics.getSingleMetric('sluice_stratum_closes_total')!.get();
  return values.find((value) => value.labels.reason === reason)!.value;
}

describe.each(['auto', 'net'] as const)('the limits of a port, sockets: %s', (kind) => {
  it('tell one connection too many of an address why, and let it in when there is room', async () => {
    const port = await open(kind, { limits: { connectionsPerAddress: 3 } });
    const miners = await Promise.all(Array.from({ length: 3 }, () => dial(port, LOGIN)));
    await pollUntil('all are in', () => stratum.authorizedCount() === 3);
    const fourth = await dial(port, LOGIN);
    await pollUntil('it is closed', () => fourth.closed());
    expect(JSON.parse(fourth.text())).toEqual({
      id: 1,
      result: null,
      error: [24, 'Your address has 3 connections, which is the limit of this port', null],
    });
    expect(await closes('address_connections')).toBe(1);
    miners[0]!.socket.destroy();
    await pollUntil('its place is free', () => stratum.sessionCount() === 2);
    await dial(port, LOGIN);
    await pollUntil('another is in', () => stratum.authorizedCount() === 3);
  });

  it('are of the address that a PROXY header names', async () => {
    const port = await open(kind, { proxyFrom: ['127.0.0.1'], limits: { connectionsPerAddress: 1 } });
    await dial(port, headerOf('203.0.113.1') + LOGIN);
    await dial(port, headerOf('203.0.113.2') + LOGIN);
    await pollUntil('both are in', () => stratum.authorizedCount() === 2);
    const third = await dial(port, headerOf('203.0.113.1') + LOGIN);
    await pollUntil('it is closed', () => third.closed());
    expect(third.text()).toContain('"error":[24,');
  });

  it('do not count for those on the list', async () => {
    const port = await open(kind, { limits: { connectionsPerAddress: 1, unlimitedFrom: ['127.0.0.0/8'] } });
    await Promise.all(Array.from({ length: 20 }, () => dial(port, LOGIN)));
    await pollUntil('all are in', () => stratum.authorizedCount() === 20);
  });

  it('keep a flood of connections out at the rate that they allow, and track nobody afterwards', async () => {
    const port = await open(kind, { limits: { connectsPerAddress: { perSecond: 0.001, burst: 10 } } });
    const flood = await Promise.all(Array.from({ length: 200 }, () => dial(port, LOGIN)));
    await pollUntil('190 are refused', async () => (await closes('connect_rate')) === 190);
    await pollUntil('ten are in', () => stratum.authorizedCount() === 10);
    for (const { socket } of flood) socket.destroy();
    await pollUntil('nobody is left', () => stratum.sessionCount() === 0);
    const { values } = await metrics.getSingleMetric('sluice_stratum_extranonces_free')!.get();
    expect(values[0]!.value).toBe(65_535);
  });

  it('slow a flood of lines down without losing one', async () => {
    const lines = { perSecond: 2_000, burst: 500 };
    const port = await open(kind, { limits: { lines } }, { sweepIntervalMs: 20 });
    const flooder = await dial(port, LOGIN);
    const pings = Array.from({ length: 3_000 }, (_, id) => `{"id":${id + 10},"method":"mining.ping"}\n`);
    flooder.socket.write(pings.join(''));
    await pollUntil('all are answered', () => flooder.text().split('"pong"').length === 3_001);
    expect(flooder.closed()).toBe(false);
    const { values } = await metrics.getSingleMetric('sluice_stratum_lines_held_back_total')!.get();
    expect(values[0]!.value).toBeGreaterThan(0);
  });

  it('close a miner that reads nothing, and leave one that reads alone', async () => {
    const port = await open(
      kind,
      {
        limits: { unreadTimeoutMs: 200 },
      },
      { sweepIntervalMs: 20, socketBacklogCloseBytes: 2 ** 30 },
    );
    const stuck = await dial(port, LOGIN);
    const miner = await dial(port, LOGIN);
    await pollUntil('both are in', () => stratum.authorizedCount() === 2);
    stuck.socket.pause();
    const pings = '{"id":9,"method":"mining.ping"}\n'.repeat(1_000);
    await pollUntil('it is closed', () => {
      if (stratum.authorizedCount() === 2) stuck.socket.write(pings);
      return stratum.authorizedCount() === 1;
    });
    expect(await closes('slow_reader')).toBe(1);
    miner.socket.write('{"id":77,"method":"mining.ping"}\n');
    await pollUntil('the other is answered', () => miner.text().includes('"id":77'));
  });
});
