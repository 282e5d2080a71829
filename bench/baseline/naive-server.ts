/**
 * The yardstick: a stratum server written the way that pools in TypeScript are usually written, and nothing more.
 *
 * Text is decoded and split, each line goes through JSON.parse, proof of work is the official SDK's `checkWork` on the main
 * thread and a BigInt comparison, duplicates are strings in a Set, workers are found by string keys, every reply and every
 * miner's job is an object of its own, stringified and written by itself. It keeps nothing: no journal, no node (templates are
 * random headers at a set rate), and a database only if asked: then one INSERT a share, and the answer when it has returned.
 * So it does less than the engine and must not be run as a pool.
 *
 *   node dist/bench/baseline/naive-server.js [--jobs-per-second 10] [--difficulty-log2 -31] [--database URL]
 *
 * Forked, it says { kind: 'ready', info: { port } } to its parent.
 */
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import postgres from 'postgres';

interface SdkPow {
  checkWork(nonce: bigint): [boolean, bigint];
  free(): void;
}

interface Job {
  readonly id: string;
  readonly words: readonly bigint[];
  readonly hex: string;
  readonly timestampMs: bigint;
  readonly pow: SdkPow;
  readonly nonces: Set<string>;
}

interface Client {
  readonly socket: Socket;
  readonly extranonce: string;
  bigJob: boolean;
  authorized: boolean;
  worker: string;
}

interface WorkerStats {
  accepted: number;
  difficulty: number;
  lastShareAt: Date;
}

interface Request {
  readonly id: number | string | null;
  readonly method: string;
  readonly params: readonly unknown[];
}

/** Of a mainnet block: no hash of a bench meets it. */
const NETWORK_BITS = 0x19168dec;
/** As long as the engine keeps them: 12 s at ten a second. */
const JOBS_KEPT = 120;

const { values: options } = parseArgs({
  options: {
    'jobs-per-second': { type: 'string', default: '10' },
    'difficulty-log2': { type: 'string', default: '-31' },
    database: { type: 'string' },
  },
});
const difficulty = 2 ** Number(options['difficulty-log2']);
const target = 1n << BigInt(224 - Number(options['difficulty-log2']));

const { PoW } = createRequire(import.meta.url)('kaspa-wasm') as {
  PoW: { fromRaw(hash: string, timestampMs: bigint, bits: number): SdkPow };
};
const sql = options.database === undefined ? undefined : postgres(options.database, { onnotice: () => {} });
const clients = new Set<Client>();
const jobs = new Map<string, Job>();
const stats = new Map<string, WorkerStats>();
let newest: Job | undefined;
let jobCount = 0;
let extranonceCount = 0;

function send(client: Client, message: object): void {
  client.socket.write(`${JSON.stringify(message)}\n`);
}

function reply(client: Client, id: Request['id'], result: unknown): void {
  send(client, { id, result, error: null });
}

function refuse(client: Client, id: Request['id'], code: number, text: string): void {
  send(client, { id, result: null, error: [code, text, null] });
}

function sendJob(client: Client, job: Job): void {
  const head = { id: null, jsonrpc: '2.0', method: 'mining.notify' };
  // Four words beyond 2^53, so the array form cannot be stringified as it is.
  if (client.bigJob) send(client, { ...head, params: [job.id, job.hex] });
  else {
    const text = JSON.stringify({ ...head, params: [job.id, '@', Number(job.timestampMs)] });
    client.socket.write(`${text.replace('"@"', `[${job.words.join(',')}]`)}\n`);
  }
}

function newTemplate(): void {
  const hash = randomBytes(32);
  const timestampMs = BigInt(Date.now());
  const timestamp = Buffer.alloc(8);
  timestamp.writeBigUInt64LE(timestampMs);
  const job: Job = {
    id: String(++jobCount),
    words: [0, 8, 16, 24].map((at) => hash.readBigUInt64LE(at)),
    hex: hash.toString('hex') + timestamp.toString('hex'),
    timestampMs,
    pow: PoW.fromRaw(hash.toString('hex'), timestampMs, NETWORK_BITS),
    nonces: new Set(),
  };
  jobs.set(job.id, job);
  newest = job;
  const oldest = jobs.get(String(jobCount - JOBS_KEPT));
  if (oldest) {
    jobs.delete(oldest.id);
    oldest.pow.free();
  }
  for (const client of clients) if (client.authorized) sendJob(client, job);
}

function submit(client: Client, request: Request): void {
  const [worker, jobId, nonceText] = request.params as string[];
  if (!client.authorized || worker !== client.worker) {
    refuse(client, request.id, 24, 'Unauthorized worker');
    return;
  }
  const job = jobs.get(jobId!);
  if (!job) {
    refuse(client, request.id, 21, 'Job not found');
    return;
  }
  let nonce = nonceText!.replace('0x', '').toLowerCase();
  if (nonce.length <= 12) nonce = client.extranonce + nonce.padStart(12, '0');
  if (job.nonces.has(nonce)) {
    refuse(client, request.id, 22, 'Duplicate share submitted');
    return;
  }
  job.nonces.add(nonce);
  const [, value] = job.pow.checkWork(BigInt(`0x${nonce}`));
  if (value > target) {
    refuse(client, request.id, 23, 'Invalid difficulty');
    return;
  }
  const record = stats.get(client.worker) ?? { accepted: 0, difficulty: 0, lastShareAt: new Date() };
  record.accepted++;
  record.difficulty += difficulty;
  record.lastShareAt = new Date();
  stats.set(client.worker, record);
  if (sql === undefined) reply(client, request.id, true);
  else {
    sql`INSERT INTO naive_shares (worker, job, nonce, difficulty) VALUES (${worker}, ${jobId!}, ${nonce}, ${difficulty})`.then(
      () => reply(client, request.id, true),
      () => refuse(client, request.id, 20, 'Database error'),
    );
  }
}

function handle(client: Client, request: Request): void {
  switch (request.method) {
    case 'mining.subscribe':
      client.bigJob = /iceriver|bzminer|goldshell/i.test(String(request.params[0]));
      reply(client, request.id, [true, 'EthereumStratum/1.0.0']);
      return;
    case 'mining.authorize': {
      client.worker = String(request.params[0]);
      client.authorized = true;
      reply(client, request.id, true);
      const head = { id: null, jsonrpc: '2.0' };
      send(client, { ...head, method: 'mining.set_extranonce', params: [client.extranonce] });
      send(client, { ...head, method: 'mining.set_difficulty', params: [difficulty] });
      if (newest) sendJob(client, newest);
      return;
    }
    case 'mining.submit':
      submit(client, request);
      return;
    default:
      refuse(client, request.id, 20, 'Unknown method');
  }
}

const server = createServer((socket) => {
  // Even and small: two bytes, from 0001 on.
  const extranonce = ((extranonceCount++ % 0xffff) + 1).toString(16).padStart(4, '0');
  const client: Client = { socket, extranonce, bigJob: false, authorized: false, worker: '' };
  clients.add(client);
  let rest = '';
  socket.setNoDelay(true);
  socket.on('data', (data: Buffer) => {
    const lines = (rest + data.toString('utf8')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.trim() === '') continue;
      try {
        handle(client, JSON.parse(line) as Request);
      } catch {
        refuse(client, null, 20, 'Malformed request');
      }
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => clients.delete(client));
});

if (sql)
  await sql`CREATE TABLE naive_shares (
  id bigserial PRIMARY KEY,
  worker text NOT NULL,
  job text NOT NULL,
  nonce text NOT NULL,
  difficulty double precision NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
)`;
newTemplate();
setInterval(newTemplate, 1000 / Number(options['jobs-per-second']));
server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ kind: 'ready', info: { port } });
  if (!process.send) console.log(`naive server on 127.0.0.1:${port}`);
});
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
