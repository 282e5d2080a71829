/** A port behind load balancers, over real sockets and both kinds of adapter. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkAddress, encodeAddress } from '../../src/chains/kaspa/address.ts';
import { type Logger, silentLogger } from '../../src/kit/log.ts';
import { createRegistry, type Registry } from '../../src/kit/metrics.ts';
import type { StratumLimits } from '../../src/stratum/stratum-limits.ts';
import { createStratum, type Stratum } from '../../src/stratum/stratum-server.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { ScriptedIntake } from '../kit/scripted-intake.ts';

const NETWORK = 'devnet';
const ADDRESS = encodeAddress({ prefix: 'kaspadev', version: 0, payload: Buffer.alloc(32, 7) });
const HEADER = 'PROXY TCP4 192.0.2.77 198.51.100.1 56324 5555\r\n';
const LOGIN = `{"id":1,"method":"mining.authorize","params":["${ADDRESS}.rig","x"]}\n`;

let stratum: Stratum | undefined;
let metrics: Registry;
/** What the operator reads. */
let warnings: { reason: string; remoteAddress: string }[];
afterEach(() => stratum?.close());

async function open(
  sockets: 'auto' | 'net',
  proxyFrom: readonly string[],
  limits: Partial<StratumLimits> = {},
): Promise<number> {
  metrics = createRegistry();
  warnings = [];
  const log = Object.assign(Object.create(silentLogger), {
    warn: (line: (typeof warnings)[number]) => warnings.push(line),
  }) as Logger;
  const intake = new ScriptedIntake();
  const difficulty = { difficultyLog2: -8, difficultyMinLog2: -8, difficultyMaxLog2: -8 };
  stratum = createStratum({
    ports: [{ host: '127.0.0.1', port: 0, ...difficulty, label: 'proxied', proxyFrom }],
    checkAddress: (text) => checkAddress(text, NETWORK),
    workers: { acquireWorker: () => 1, releaseWorker: () => {} },
    registry: metrics,
    log,
    clock: () => performance.now(),
    random: () => 0,
    sockets,
    limits,
  });
  intake.sink = stratum.replySink;
  return (await stratum.open(intake))[0]!.port;
}

async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

async function refused(reason: string): Promise<number> {
  const { values } = await metrics.getSingleMetric('sluice_stratum_proxy_refused_total')!.get();
  return values.find((value) => value.labels.reason === reason)!.value;
}

function addresses(): string[] {
  const found: string[] = [];
  stratum!.forEachSession(({ remoteAddress }) => found.push(remoteAddress));
  return found;
}

describe.each(['auto', 'net'] as const)('a port behind balancers, sockets: %s', (sockets) => {
  it('knows a miner by the address that the balancer names, however the bytes come', async () => {
    const port = await open(sockets, ['127.0.0.0/8']);
    const whole = await dial(port);
    whole.write(HEADER + LOGIN);
    const torn = await dial(port);
    for (const piece of (HEADER + LOGIN).match(/[\s\S]{1,9}/g)!) {
      torn.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await pollUntil('both are authorized', () => stratum!.authorizedCount() === 2);
    expect(addresses()).toEqual(['192.0.2.77', '192.0.2.77']);
    whole.destroy();
    torn.destroy();
    await pollUntil('both are gone', () => stratum!.sessionCount() === 0);
  });

  it('closes who sends no header, and begins no session for it', async () => {
    const port = await open(sockets, ['127.0.0.1']);
    const socket = await dial(port);
    socket.write(LOGIN);
    await once(socket.resume(), 'close');
    expect([await refused('malformed'), stratum!.sessionCount()]).toEqual([1, 0]);
    expect(warnings).toMatchObject([{ reason: 'no PROXY header', remoteAddress: '127.0.0.1' }]);
  });

  it('closes who is no balancer of ours, whatever it says', async () => {
    const port = await open(sockets, ['10.0.0.0/8', '::1']);
    const socket = await dial(port);
    socket.write(HEADER + LOGIN);
    await once(socket.resume(), 'close');
    expect([await refused('untrusted'), stratum!.sessionCount()]).toEqual([1, 0]);
    expect(warnings).toMatchObject([{ reason: 'not in proxyFrom', remoteAddress: '127.0.0.1' }]);
  });

  it('closes who ends in the middle of the header', async () => {
    const port = await open(sockets, ['127.0.0.1']);
    const socket = await dial(port);
    socket.end(HEADER.slice(0, 20));
    await once(socket.resume(), 'close');
    expect(await refused('malformed')).toBe(1);
  });

  it('closes who sends half a header and then nothing', async () => {
    const port = await open(sockets, ['127.0.0.1'], { proxyHeaderTimeoutMs: 30 });
    const socket = await dial(port);
    socket.write(HEADER.slice(0, 20));
    await once(socket.resume(), 'close');
    expect([await refused('late'), stratum!.sessionCount()]).toEqual([1, 0]);
  });

  it('takes a balancer that only looks whether the port is there for what it is', async () => {
    const port = await open(sockets, ['127.0.0.1']);
    const socket = await dial(port);
    socket.end();
    await once(socket.resume(), 'close');
    expect([await refused('malformed'), warnings]).toEqual([0, []]);
  });

  it('does not wait for a header when it closes', async () => {
    const port = await open(sockets, ['127.0.0.1'], { proxyHeaderTimeoutMs: 2 ** 30 });
    const socket = await dial(port);
    socket.write(HEADER.slice(0, 20));
    const miner = await dial(port);
    miner.write(HEADER + LOGIN);
    await pollUntil('the miner is in', () => stratum!.authorizedCount() === 1);
    const gone = Promise.all([once(socket.resume(), 'close'), once(miner.resume(), 'close')]);
    await stratum!.close();
    await gone;
    expect([await refused('late'), await refused('malformed')]).toEqual([0, 0]);
  });
});
