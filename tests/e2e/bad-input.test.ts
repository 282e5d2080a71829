/** What miners and strangers may send to the stratum port, over real sockets against the real engine. */
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Verdict } from '../../src/domain/share.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { stratumConformance } from '../conformance/stratum.suite.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { codeOf, ShareClient } from '../kit/share-client.ts';

const ADDRESS = demoAddresses(RIG_NETWORK, 1)[0]!;
const FOREIGN_ADDRESS = demoAddresses('mainnet', 1)[0]!;
const LOGIN = `${ADDRESS}.rig1`;

let rig: PoolRig;
const clients: ShareClient[] = [];

beforeAll(async () => {
  // A share in a thousand hashes, and no block ever.
  rig = await PoolRig.open({ difficultyLog2: -22, networkDifficultyLog2: 10 });
  await rig.startEngine().ready;
});
afterAll(() => rig?.close());
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

async function stranger(): Promise<ShareClient> {
  const client = await ShareClient.connect(rig.stratumPort);
  clients.push(client);
  return client;
}

async function miner(): Promise<ShareClient> {
  const client = await ShareClient.login(rig.stratumPort, LOGIN);
  clients.push(client);
  return client;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${rig.httpUrl}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  if (!line) throw new Error(`there is no metric ${name}`);
  return Number(line.slice(name.length + 1));
}

const closesMetric = (reason: string) => metric(`sluice_stratum_closes_total{reason="${reason}"}`);

async function closed(client: ShareClient): Promise<void> {
  await pollUntil('the socket was closed', () => client.closed);
}

function submitLine(id: unknown, params: unknown): string {
  return `${JSON.stringify({ id, method: 'mining.submit', params })}\n`;
}

/** Every id once, in whatever order. */
function expectOneReplyEach(client: ShareClient, ids: readonly unknown[]): void {
  const replied = client.replies.map((line) => line.id).filter((id) => ids.includes(id));
  expect(replied.map(String).sort()).toEqual(ids.map(String).sort());
}

stratumConformance('the engine', async () => ({
  host: '127.0.0.1',
  port: rig.stratumPort,
  address: ADDRESS,
  foreignAddress: FOREIGN_ADDRESS,
}));

describe('malformed submissions', () => {
  it.each<[string, (job: string, nonce: string) => unknown]>([
    ['a nonce of 17 digits', (job, nonce) => ['w', job, `0${nonce}`]],
    ['a nonce that is no hex', (job) => ['w', job, '000000000000zz00']],
    ['an empty nonce', (job) => ['w', job, '']],
    ['a nonce that is a number', (job) => ['w', job, 12345]],
    ['a nonce that is null', (job) => ['w', job, null]],
    ['a job id that is null', (_job, nonce) => ['w', null, nonce]],
    ['too few params', (job) => ['w', job]],
    ['no params', () => []],
    ['params that are an object', (job, nonce) => ({ job, nonce })],
    ['params that are a string', () => 'w'],
  ])('%s is answered 20 with the id of the request', async (_name, paramsOf) => {
    const client = await miner();
    const job = client.job!.id;
    const [nonce] = client.find(1);
    client.write(submitLine('odd id', paramsOf(job, nonce!)));
    expect(codeOf(await client.reply('odd id'))).toBe(20);
    // The session goes on, and the nonce was not burnt.
    expect(await client.submit(nonce!, job)).toBe(0);
    expectOneReplyEach(client, ['odd id']);
  });

  it.each([
    ['a line that is not JSON', '{"id":7,"method":"mining.submit",\n'],
    ['JSON that is no request', '[1,2,3]\n'],
    ['an id of a wrong type', '{"id":{"a":1},"method":"mining.submit","params":[]}\n'],
  ])('%s is answered 20 with a null id', async (_name, line) => {
    const client = await miner();
    client.write(line);
    expect(codeOf(await client.reply(null))).toBe(20);
    expect(await client.submit(client.find(1)[0]!)).toBe(0);
  });

  it('closes the socket after a few, and counts it', async () => {
    const before = await closesMetric('malformed');
    const client = await stranger();
    client.write('this\nis\nno\nstratum\nat all\n');
    await closed(client);
    // Junk without an id is answered once.
    expect(client.replies.map(codeOf)).toEqual([20]);
    await pollUntil('it is counted', async () => (await closesMetric('malformed')) > before);
    expect(await closesMetric('malformed')).toBe(before + 1);
  });
});

describe('strangers on the stratum port', () => {
  it.each<[string, string | Buffer]>([
    ['line_too_long', 'x'.repeat(8193)],
    ['line_too_long', `{"id":1,"method":"${'x'.repeat(9000)}"}\n`],
    ['http', 'GET /metrics HTTP/1.1\r\nHost: pool\r\n\r\n'],
    ['http', 'POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}'],
    ['tls', Buffer.from('16030100c8010000c40303', 'hex')],
    ['proxy_header', 'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'],
  ])('are cut off without an answer and counted: %s', async (reason, bytes) => {
    const before = await closesMetric(reason);
    const client = await stranger();
    client.write(bytes);
    await closed(client);
    expect(client.replies).toEqual([]);
    await pollUntil('it is counted', async () => (await closesMetric(reason)) > before);
    expect(await closesMetric(reason)).toBe(before + 1);
  });

  it('cannot flood the log', async () => {
    const linesBefore = readFileSync(rig.engineLog, 'utf8').split('\n').length;
    const before = await closesMetric('http');
    for (let each = 0; each < 100; each++) (await stranger()).write('GET / HTTP/1.1\r\n\r\n');
    await pollUntil('all were cut off', async () => (await closesMetric('http')) >= before + 100);
    expect(readFileSync(rig.engineLog, 'utf8').split('\n').length - linesBefore).toBeLessThan(10);
  });
});

describe('refused submissions', () => {
  it('answers 21 for jobs that never were, in whatever form they are named', async () => {
    const client = await miner();
    const [nonce] = client.find(1);
    const jobIds = ['999999999', '0', 'abc', '-1', '1e3', '', 0, 12.5, '99999999999999999999'];
    const lines = jobIds.map((jobId, index) => submitLine(1000 + index, ['w', jobId, nonce]));
    client.write(lines.join(''));
    for (const index of jobIds.keys()) expect(codeOf(await client.reply(1000 + index))).toBe(21);
  });

  it('answers 21 for a job that has expired, and true for it until then', { timeout: 60_000 }, async () => {
    const client = await miner();
    const { id } = client.job!;
    const nonces = client.find(120);
    const codes: number[] = [];
    await pollUntil(
      'the job expired',
      async () => {
        codes.push(await client.submit(nonces.pop()!, id));
        await new Promise((resolve) => setTimeout(resolve, 250));
        return codes.at(-1) === 21;
      },
      30_000,
    );
    expect(new Set(codes)).toEqual(new Set([0, 21]));
    expect(client.replies.at(-1)!.error![1]).toBe('Job expired');
  });

  it('answers 22 for a nonce that was taken, in every other form of it', async () => {
    const client = await miner();
    const job = client.job!.id;
    // Counted upwards from 1, so the part below the extranonce has leading zeros to trim.
    const [nonce] = client.find(1);
    const below = nonce!.slice(4);
    expect(await client.submit(nonce!)).toBe(0);
    const aliases = [
      nonce!,
      nonce!.toUpperCase(),
      `0x${nonce}`,
      `0X${nonce!.toUpperCase()}`,
      nonce!.replace(/^0+/, ''),
      below,
      `0x${below}`,
      below.replace(/^0+/, ''),
      ` ${nonce} `,
    ];
    const forms = aliases.map((alias, index) => submitLine(`alias ${index}`, ['w', job, alias]));
    // The same by the slow path: a bare job id, five params, escapes, blanks.
    forms.push(submitLine('number', ['w', Number(job), nonce]));
    forms.push(submitLine('five', ['w', job, '', '', nonce]));
    forms.push(`{"id":"escaped","method":"mining.submit","params":["w","${job}","\\u0030x${nonce}"]}\n`);
    forms.push(`{ "params" : [ "w" , "${job}" , "${nonce}" ] , "method" : "mining.submit", "id" : 77777 }\n`);
    client.write(forms.join(''));
    const ids = [...aliases.map((_, index) => `alias ${index}`), 'number', 'five', 'escaped', 77777];
    for (const id of ids) expect([id, codeOf(await client.reply(id))]).toEqual([id, 22]);
    expectOneReplyEach(client, ids);
  });

  it('refuses the nonce of another connection, and takes it from its owner afterwards', async () => {
    const [one, other] = [await miner(), await miner()];
    const [nonce] = one.find(1);
    const job = one.job!.id;
    expect(await other.submit(nonce!, job)).toBe(21);
    expect(await one.submit(nonce!, job)).toBe(0);
    expect(await other.submit(nonce!, job)).toBe(21);
  });

  it('answers 23 for a hash that misses the target, and 22 when it comes again', async () => {
    const client = await miner();
    const job = client.job!.id;
    const [miss] = client.find(1, Verdict.LowDifficulty);
    expect(await client.submit(miss!, job)).toBe(23);
    expect(await client.submit(miss!, job)).toBe(22);
  });

  it('answers 24 before authorize, and lets the miner log in then', async () => {
    const client = await stranger();
    expect(codeOf(await client.ask('mining.submit', ['w', '1', '0000000000000001']))).toBe(24);
    await client.ask('mining.subscribe', ['IceRiverMiner-v1.1']);
    expect(codeOf(await client.ask('mining.submit', ['w', '1', '0000000000000001']))).toBe(24);
    expect((await client.ask('mining.authorize', [LOGIN, 'x'])).result).toBe(true);
    await client.nextJob('');
    expect(await client.submit(client.find(1)[0]!)).toBe(0);
  });

  it.each([
    ['of another network', FOREIGN_ADDRESS],
    ['that is none', 'satoshi'],
    ['with a typing mistake', `${ADDRESS.slice(0, -1)}${ADDRESS.endsWith('q') ? 'p' : 'q'}`],
    ['that is empty', ''],
  ])('answers 24 for an address %s, naming the network, and closes', async (_name, address) => {
    const before = await closesMetric('unauthorized');
    const client = await stranger();
    const reply = await client.ask('mining.authorize', [`${address}.rig1`, 'x']);
    expect(codeOf(reply)).toBe(24);
    expect(reply.error![1]).toContain('kaspadev:');
    await closed(client);
    await pollUntil('it is counted', async () => (await closesMetric('unauthorized')) > before);
    expect(await closesMetric('unauthorized')).toBe(before + 1);
  });
});

describe('every submission that has an id', () => {
  it('gets exactly one reply, also when good and bad ones come all at once', async () => {
    const client = await miner();
    const job = client.job!.id;
    const good = client.find(150);
    const missed = client.find(150, Verdict.LowDifficulty);
    const expected = new Map<number | string, number>();
    const lines: string[] = [];
    const put = (id: number | string, code: number, jobId: unknown, nonce: unknown): void => {
      expected.set(id, code);
      lines.push(submitLine(id, ['w', jobId, nonce]));
    };
    for (let each = 0; each < 150; each++) {
      put(10_000 + each, 0, job, good[each]);
      put(`again ${each}`, 22, job, good[each]);
      put(20_000 + each, 23, job, missed[each]);
      put(30_000 + each, 21, '999999999', good[each]);
    }
    client.write(lines.join(''));
    await client.reply(30_149);
    await pollUntil('all were answered', () => client.replies.length >= expected.size);
    const codes = [...expected.keys()].map((id) => {
      const replies = client.replies.filter((line) => line.id === id);
      return [id, replies.length, codeOf(replies[0]!)];
    });
    expect(codes).toEqual([...expected].map(([id, code]) => [id, 1, code]));
  });
});
