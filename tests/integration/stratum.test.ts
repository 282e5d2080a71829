import { connect } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { checkAddress, encodeAddress } from '../../src/chains/kaspa/address.ts';
import { Verdict } from '../../src/domain/share.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry, type Registry } from '../../src/kit/metrics.ts';
import {
  createStratum,
  type PortOptions,
  type Stratum,
  type StratumOptions,
} from '../../src/stratum/stratum-server.ts';
import { stratumConformance } from '../conformance/stratum.suite.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { ScriptedIntake } from '../kit/scripted-intake.ts';
import { StratumClient } from '../kit/stratum-client.ts';

const NETWORK = 'devnet';
const KEY = Buffer.alloc(32, 7);
const ADDRESS = encodeAddress({ prefix: 'kaspadev', version: 0, payload: KEY });
const FOREIGN_ADDRESS = encodeAddress({ prefix: 'kaspa', version: 0, payload: KEY });
const PREPOW = Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex');
const jobOf = (jobId: number) => ({ jobId, prePowHash: PREPOW, timestampMs: 1_633_687_894_966n });
const PORT: PortOptions = {
  host: '127.0.0.1',
  port: 0,
  difficultyLog2: -8,
  difficultyMinLog2: -8,
  difficultyMaxLog2: 13,
  label: 'test',
};

interface Running {
  readonly stratum: Stratum;
  readonly intake: ScriptedIntake;
  readonly metrics: Registry;
  readonly port: number;
  closes(reason: string): Promise<number>;
}

const running: Stratum[] = [];

async function start(options: Partial<StratumOptions> = {}, jobId = 7): Promise<Running> {
  const metrics = createRegistry();
  const intake = new ScriptedIntake();
  let refs = 0;
  const stratum = createStratum({
    ports: [PORT],
    checkAddress: (text) => checkAddress(text, NETWORK),
    workers: { acquireWorker: () => refs++, releaseWorker: () => {} },
    registry: metrics,
    log: silentLogger,
    clock: () => performance.now(),
    random: () => 0,
    ...options,
  });
  intake.sink = stratum.replySink;
  const [opened] = await stratum.open(intake);
  if (jobId > 0) {
    intake.jobs.add(jobId);
    stratum.announce(0, jobOf(jobId));
  }
  running.push(stratum);
  const closes = async (reason: string): Promise<number> => {
    const { values } = await metrics.getSingleMetric('sluice_stratum_closes_total')!.get();
    return values.find((value) => value.labels.reason === reason)!.value;
  };
  return { stratum, intake, metrics, port: opened!.port, closes };
}

async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((stratum) => stratum.close()));
}

async function loggedIn(port: number): Promise<StratumClient> {
  const client = await StratumClient.connect('127.0.0.1', port);
  client.send({ id: 1, method: 'mining.authorize', params: [`${ADDRESS}.rig`, 'x'] });
  await client.push('mining.set_difficulty');
  return client;
}

const submit = (id: number, nonce: string, jobId = '7') => ({
  id,
  method: 'mining.submit',
  params: ['w', jobId, nonce],
});

describe('the stratum room by itself', () => {
  let stop: Stratum | undefined;
  afterAll(() => stop?.close());
  stratumConformance('a scripted intake', async () => {
    const { stratum, port } = await start();
    stop = running.splice(running.indexOf(stratum), 1)[0];
    return { host: '127.0.0.1', port, address: ADDRESS, foreignAddress: FOREIGN_ADDRESS };
  });
});

// The same suite against any server: SLUICE_STRATUM=host:port, with an address that it takes and one that it must refuse.
const [host, port] = (process.env.SLUICE_STRATUM ?? '').split(':');
if (host && port) {
  stratumConformance(process.env.SLUICE_STRATUM!, async () => ({
    host,
    port: Number(port),
    address: process.env.SLUICE_STRATUM_ADDRESS ?? ADDRESS,
    foreignAddress: process.env.SLUICE_STRATUM_FOREIGN_ADDRESS ?? FOREIGN_ADDRESS,
  }));
}

describe('a stratum server', () => {
  afterEach(stopAll);

  it('says which network it mines when an address is of another', async () => {
    const { port } = await start();
    const client = await StratumClient.connect('127.0.0.1', port);
    client.send({ id: 1, method: 'mining.authorize', params: [FOREIGN_ADDRESS, 'x'] });
    expect((await client.ended())[0]!.error![1]).toContain('this pool mines devnet');
  });

  it('answers each verdict with its code', async () => {
    const { port, intake } = await start();
    intake.verdictOf = ({ nonce }) => Number(nonce & 0xffn);
    const client = await loggedIn(port);
    const verdicts = [
      Verdict.LowDifficulty,
      Verdict.Share,
      Verdict.Block,
      Verdict.StaleJob,
      Verdict.Unavailable,
    ];
    client.send(...verdicts.map((verdict) => submit(verdict, verdict.toString(16))));
    const codes = [];
    for (const verdict of verdicts) codes.push((await client.reply(verdict)).error?.[0] ?? true);
    expect(codes).toEqual([23, true, true, 21, 20]);
  });

  it('keeps a difficulty wish within the bounds of its port', async () => {
    const { port } = await start();
    for (const [password, difficulty] of [
      ['d=4096', 4096],
      ['d=5000', 4096],
      ['d=1000000', 8192],
      ['d=0.0001', 0.00390625],
      ['x', 0.00390625],
    ] as const) {
      const client = await StratumClient.connect('127.0.0.1', port);
      client.send({ id: 1, method: 'mining.authorize', params: [ADDRESS, password] });
      expect((await client.push('mining.set_difficulty')).params).toEqual([difficulty]);
      client.destroy();
    }
  });

  it('speaks the dialect that the port, and above it the password, asks for', async () => {
    const { port } = await start({ ports: [{ ...PORT, dialect: 'asic-hex' }] });
    const big = await StratumClient.connect('127.0.0.1', port);
    big.send({ id: 1, method: 'mining.subscribe', params: ['lolMiner'] });
    big.send({ id: 2, method: 'mining.authorize', params: [ADDRESS, 'x'] });
    expect((await big.push('mining.notify')).params).toHaveLength(2);
    const array = await StratumClient.connect('127.0.0.1', port);
    array.send({ id: 2, method: 'mining.authorize', params: [ADDRESS, 's=two-param'] });
    expect((await array.push('set_extranonce')).params).toHaveLength(2);
    expect((await array.push('mining.notify')).params).toHaveLength(3);
  });

  it('sends no job while there is none, and the first one as soon as it comes', async () => {
    const { port, stratum } = await start({}, 0);
    const client = await loggedIn(port);
    stratum.announce(0, jobOf(3));
    expect((await client.push('mining.notify')).params![0]).toBe('3');
  });

  it('counts a foreign extranonce and lets it pass where enforcement is off', async () => {
    const { port, metrics } = await start({ enforceExtranonce: false });
    const client = await loggedIn(port);
    client.send(submit(5, 'ffff000000000001'));
    expect((await client.reply(5)).result).toBe(true);
    const metric = await metrics.getSingleMetric('sluice_stratum_foreign_extranonce_total')!.get();
    expect(metric.values[0]!.value).toBe(1);
  });

  it('counts each kind of bad input by its own name', async () => {
    const { port, closes } = await start();
    const inputs: [string, string | Buffer][] = [
      ['http', 'GET / HTTP/1.1\r\n\r\n'],
      ['tls', Buffer.from('160301', 'hex')],
      ['proxy_header', Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex')],
      ['line_too_long', 'x'.repeat(9_000)],
      ['malformed', '{\n{\n{\n{\n{\n'],
      ['unauthorized', '{"id":1,"method":"mining.authorize","params":["x"]}\n'],
    ];
    for (const [reason, bytes] of inputs) {
      const client = await StratumClient.connect('127.0.0.1', port);
      client.write(bytes);
      await client.ended();
      client.destroy();
      await pollUntil(`a close was counted as ${reason}`, async () => (await closes(reason)) === 1);
    }
  });

  it('survives a client that resets its connection with shares on their way', async () => {
    const { port, stratum, intake } = await start();
    intake.holdsAnswers = true;
    const client = await loggedIn(port);
    client.send(submit(5, '01'));
    await pollUntil('the share has come', () => intake.submissions.length === 1);
    client.socket.resetAndDestroy();
    await pollUntil('the session is gone', () => stratum.sessionCount() === 0);
    intake.answerAll();
    const other = await loggedIn(port);
    other.send(submit(6, '02'));
    await pollUntil('the next share has come', () => intake.submissions.length === 2);
    intake.answerAll();
    expect((await other.reply(6)).result).toBe(true);
  });

  it('answers a client that has half-closed, then hangs up', async () => {
    const { port } = await start();
    const client = await loggedIn(port);
    client.send(submit(5, '01'));
    client.socket.end();
    expect((await client.reply(5)).result).toBe(true);
    await client.ended();
  });

  it('cuts a client that never reads, and serves the others meanwhile', async () => {
    const { port, closes } = await start({ limits: { socketBacklogCloseBytes: 4_096 } });
    const deaf = connect(port, '127.0.0.1');
    deaf.on('error', () => {});
    deaf.pause();
    deaf.write(`${JSON.stringify({ id: 1, method: 'mining.authorize', params: [ADDRESS, 'x'] })}\n`);
    const line = `${JSON.stringify({ id: 'x'.repeat(100), method: 'mining.ping' })}\n`.repeat(200);
    // Its kernel buffers take some megabytes first.
    await pollUntil('the deaf one was cut', async () => {
      if (!deaf.writableNeedDrain && !deaf.destroyed) deaf.write(line);
      return (await closes('slow_reader')) === 1;
    });
    deaf.destroy();
    const client = await loggedIn(port);
    client.send(submit(5, '01'));
    expect((await client.reply(5)).result).toBe(true);
  });

  it('stops reading when it stops accepting, still answers what it took, and closes every socket', async () => {
    const { port, stratum, intake } = await start();
    intake.holdsAnswers = true;
    const client = await loggedIn(port);
    client.send(submit(5, '01'));
    await pollUntil('the share has come', () => intake.submissions.length === 1);
    stratum.stopAccepting();
    await expect(StratumClient.connect('127.0.0.1', port)).rejects.toThrow('ECONNREFUSED');
    intake.answerAll();
    expect((await client.reply(5)).result).toBe(true);
    await stratum.close();
    await client.ended();
    expect(stratum.sessionCount()).toBe(0);
  });

  it('says what to do when its port is taken, and opens none of the others', async () => {
    const { port } = await start();
    const second = start({ ports: [PORT, { ...PORT, port }] });
    await expect(second).rejects.toMatchObject({
      code: 'SLUICE_PORT_IN_USE',
      remedy: expect.stringContaining('port'),
    });
  });

  it('serves five hundred miners over twenty jobs and two thousand shares without losing an answer', async () => {
    const { port, stratum, intake } = await start();
    const clients = await Promise.all(Array.from({ length: 500 }, () => loggedIn(port)));
    for (let jobId = 8; jobId < 28; jobId++) {
      intake.jobs.add(jobId);
      stratum.announce(0, jobOf(jobId));
      const turnOf = clients.filter((_, index) => jobId % 5 === index % 5);
      await pollUntil('the job has come', () => turnOf.every(({ raw }) => raw.includes(`"${jobId}",[`)));
      for (const client of turnOf)
        client.send(submit(1_000 + jobId, clients.indexOf(client).toString(16), String(jobId)));
    }
    const answered = clients.map(async (client, index) => {
      let count = 0;
      for (let jobId = 8; jobId < 28; jobId++) {
        if (jobId % 5 !== index % 5) continue;
        if ((await client.reply(1_000 + jobId)).result === true) count++;
      }
      client.destroy();
      return count;
    });
    expect((await Promise.all(answered)).reduce((sum, count) => sum + count, 0)).toBe(2_000);
  });
});
