/** Five scripted clients, each as strict as the real one it stands for. Each logs in and reads its first job, or throws. */
import { expect } from 'vitest';
import type { StratumClient, StratumLine } from '../kit/stratum-client.ts';

export interface LoggedIn {
  readonly extranonce: string;
  readonly difficulty: number;
  readonly jobId: string;
  /** 40 bytes: pre-PoW hash and timestamp, whatever form they came in. */
  readonly work: string;
}

export interface StrictMiner {
  readonly name: string;
  login(client: StratumClient, login: string): Promise<LoggedIn>;
  /** Params of a submission as this client writes them, for 12 digits below the extranonce. */
  nonceText(extranonce: string, low: string): string;
  /** The whole line of a submission. */
  submitText(id: number, login: string, jobId: string, nonce: string): string;
  /** Throws on a reply that the real client could not read. */
  readReply(line: StratumLine): 'accepted' | 'rejected';
}

const JOB_ID = /^[1-9][0-9]{0,8}$/;
const plainSubmit = (id: number, login: string, jobId: string, nonce: string): string =>
  JSON.stringify({ id, method: 'mining.submit', params: [login, jobId, nonce] });

function readReply(line: StratumLine): 'accepted' | 'rejected' {
  expect(Object.keys(line)).toEqual(['id', 'result', 'error']);
  if (line.error === null) {
    expect(line.result).toBe(true);
    return 'accepted';
  }
  expect(line.result).toBeNull();
  expect(line.error).toEqual([expect.any(Number), expect.any(String), null]);
  expect(line.error![0]).toBeGreaterThanOrEqual(20);
  expect(line.error![0]).toBeLessThanOrEqual(25);
  return 'rejected';
}

function difficultyOf(line: StratumLine): number {
  expect(line.method).toBe('mining.set_difficulty');
  const [difficulty] = line.params as [number];
  expect(Number.isInteger(Math.log2(difficulty))).toBe(true);
  return difficulty;
}

function bigJob(line: StratumLine): { jobId: string; work: string } {
  expect(line.method).toBe('mining.notify');
  expect(line.params).toHaveLength(2);
  const [jobId, work] = line.params as [string, string];
  expect(jobId).toMatch(JOB_ID);
  expect(work).toMatch(/^[0-9a-f]{80}$/);
  return { jobId, work };
}

/** From the text: JSON.parse would round the words. */
function arrayJob(text: string): { jobId: string; work: string } {
  const match = /"mining\.notify","params":\["([^"]*)",\[(\d+),(\d+),(\d+),(\d+)\],(\d+)\]\}$/.exec(text);
  expect(match, `not an array job: ${text}`).not.toBeNull();
  expect(match![1]).toMatch(JOB_ID);
  const bytes = Buffer.alloc(40);
  for (let word = 0; word < 5; word++) {
    const value = BigInt(match![word + 2]!);
    expect(value).not.toBe(0n);
    bytes.writeBigUInt64LE(value, word * 8);
  }
  return { jobId: match![1]!, work: bytes.toString('hex') };
}

async function text(client: StratumClient): Promise<string> {
  const line = await client.nextText();
  if (line === undefined) throw new Error('the server closed the connection');
  return line;
}

/** Exactly one line is read per request until authorize is answered; whatever comes first is taken for the reply. */
const godMiner: StrictMiner = {
  name: 'GodMiner (Bitmain), lock-step',
  async login(client, login) {
    client.send('{"id": 1, "method": "mining.subscribe", "params": ["GodMiner/2.0.0", null]}');
    const subscribed = await client.next();
    expect(subscribed.id).toBe(1);
    expect(subscribed.error).toBeNull();
    const [, extranonce, rest] = subscribed.result as [null, string, number];
    expect(extranonce).toMatch(/^[0-9a-f]{4}$/);
    expect(rest).toBe(6);
    client.send('{"id": 3, "method": "mining.extranonce.subscribe", "params": []}');
    await client.next();
    client.send(`{"id": 2, "method": "mining.authorize", "params": ["${login}","x"]}`);
    const authorized = await client.next();
    expect(authorized).toEqual({ id: 2, result: true, error: null });
    const difficulty = difficultyOf(await client.next());
    expect(difficulty).toBeGreaterThan(0);
    return { extranonce, difficulty, ...arrayJob(await text(client)) };
  },
  nonceText: (extranonce, low) => `0x${extranonce}${low}`,
  submitText: (id, login, jobId, nonce) =>
    `{"id": ${id}, "method": "mining.submit", "params": ["${login}", "${jobId}", "${nonce}"]}`,
  // A share counts only if the result is literally true and there is no error.
  readReply,
};

/** Cannot read a push it does not know, an id above 32 bits, a reply without both keys, or an extranonce without its size. */
const kaspaMiner: StrictMiner = {
  name: 'kaspa-miner (TMR), two-param extranonce',
  async login(client, login) {
    client.send(
      '{"id":0,"method":"mining.subscribe","params":["kaspa-miner/0.2.1"],"error":null}',
      `{"id":1,"method":"mining.authorize","params":["${login}","x"],"error":null}`,
    );
    expect(await client.next()).toEqual({ id: 0, result: [true, 'EthereumStratum/1.0.0'], error: null });
    expect(await client.next()).toEqual({ id: 1, result: true, error: null });
    const push = await client.next();
    expect(['set_extranonce', 'mining.set_extranonce']).toContain(push.method);
    expect(push.params).toHaveLength(2);
    const [extranonce, rest] = push.params as [string, number];
    expect(extranonce).toMatch(/^[0-9a-f]{4}$/);
    expect(rest).toBe(6);
    const difficulty = difficultyOf(await client.next());
    const job = await text(client);
    expect([null, undefined]).toContain((JSON.parse(job) as StratumLine).id);
    return { extranonce, difficulty, ...arrayJob(job) };
  },
  nonceText: (extranonce, low) => `${extranonce}${low}`,
  submitText: (id, login, jobId, nonce) =>
    JSON.stringify({ id, method: 'mining.submit', params: [login, jobId, nonce], error: null }),
  readReply(line) {
    if (line.id !== null) {
      expect(Number.isInteger(line.id)).toBe(true);
      expect(line.id as number).toBeLessThanOrEqual(0xffff_ffff);
    }
    return readReply(line);
  },
};

/** Takes whole powers of two only, and hangs up when no job follows authorize. */
const iceRiver: StrictMiner = {
  name: 'IceRiver, big job',
  async login(client, login) {
    client.send(
      '{"id":1,"method":"mining.subscribe","params":["IceRiverMiner-v1.1","EthereumStratum/1.0.0"]}',
    );
    expect(await text(client)).toBe('{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}');
    client.send(`{"id":2,"method":"mining.authorize","params":["${login}","x"]}`);
    expect(await text(client)).toBe('{"id":2,"result":true,"error":null}');
    const push = await client.next();
    expect(push.method).toBe('mining.set_extranonce');
    expect(push.params).toHaveLength(1);
    const [extranonce] = push.params as [string];
    expect(extranonce).toMatch(/^[0-9a-f]{4}$/);
    const difficulty = await text(client);
    expect(difficulty).not.toMatch(/\[\d+\.0*\]/);
    return {
      extranonce,
      difficulty: difficultyOf(JSON.parse(difficulty) as StratumLine),
      ...bigJob(await client.next()),
    };
  },
  nonceText: (extranonce, low) => `${extranonce}${low}`,
  submitText: plainSubmit,
  readReply,
};

/** Sends its whole login in one segment, and reconnects when a submission gets no reply. */
const lolMiner: StrictMiner = {
  name: 'lolMiner, pipelined, id 500',
  async login(client, login) {
    client.send(
      '{"id":1,"method":"mining.subscribe","params":["lolMiner 1.72"]}',
      `{"id":500,"method":"mining.authorize","params":["${login}","x"]}`,
    );
    const [subscribed, authorized, push, difficulty] = await client.take(4);
    expect(subscribed).toEqual({ id: 1, result: [true, 'EthereumStratum/1.0.0'], error: null });
    expect(authorized).toEqual({ id: 500, result: true, error: null });
    expect(push!.method).toMatch(/set_extranonce$/);
    const [extranonce] = push!.params as [string];
    return { extranonce, difficulty: difficultyOf(difficulty!), ...arrayJob(await text(client)) };
  },
  // The short form: the extranonce is left out, and so are leading zeros.
  nonceText: (_extranonce, low) => low.replace(/^0+(?=.)/, ''),
  submitText: plainSubmit,
  readReply,
};

/** Pads with NULs, ends lines with CRLF and puts raw TABs into strings. */
const goldshell: StrictMiner = {
  name: 'Goldshell, TABs and NULs',
  async login(client, login) {
    client.write('{"id":1,"method":"mining.subscribe","params":["Goldshell\tKA-Box BzMiner"]}\r\n\0\0\0');
    expect((await client.next()).result).toEqual([true, 'EthereumStratum/1.0.0']);
    client.write(`\0{"id":2,"method":"mining.authorize",\t"params":["${login}\t","x\t"]}\0\r\n`);
    expect(await client.next()).toEqual({ id: 2, result: true, error: null });
    const push = await client.next();
    expect(push.method).toBe('mining.set_extranonce');
    const [extranonce] = push.params as [string];
    const difficulty = difficultyOf(await client.next());
    return { extranonce, difficulty, ...bigJob(await client.next()) };
  },
  nonceText: (extranonce, low) => `${extranonce}${low}`,
  submitText: (id, login, jobId, nonce) =>
    `{"id":${id},"method":"mining.submit","params":["${login}\t","${jobId}","${nonce}"]}\0\0\r`,
  readReply,
};

export const STRICT_MINERS: readonly StrictMiner[] = [godMiner, kaspaMiner, iceRiver, lolMiner, goldshell];
