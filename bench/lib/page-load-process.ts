/**
 * The readers' process: an open loop of HTTP requests over connections that stay open, one request under way on each. A request that
 * finds none free waits, and its latency counts from when it was meant to leave.
 */
import { connect, type Socket } from 'node:net';
import { build, encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import { Pacer } from './pacer.ts';
import { PAGE_LATE_MS, type PageLoadPlan, type PageLoadReport } from './page-load.ts';

const PACE_MS = 0.5;
/** After the end, for answers that are owed. */
const OWED_WITHIN_MS = 10_000;
const LATENCY_US_MAX = 60_000_000;
const HEADERS_END = Buffer.from('\r\n\r\n');

interface Reader {
  readonly socket: Socket;
  /** Bytes of an answer that is not whole. */
  rest: Buffer;
  /** When the request under way was meant to leave; undefined = free. */
  dueMs: number | undefined;
}

async function run(plan: PageLoadPlan): Promise<PageLoadReport> {
  const histogram = build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_US_MAX,
  });
  const counts = { answered: 0, failed: 0, late: 0, scheduled: 0, bytes: 0 };
  const statuses: Record<string, number> = {};
  const readers = await Promise.all(Array.from({ length: plan.connections }, () => openReader(plan)));
  const free = [...readers];
  /** Due times of requests that wait for a connection. */
  const waiting: number[] = [];
  let next = 0;
  const startMs = performance.now() + 50;
  const countFromMs = startMs + plan.warmUpSeconds * 1_000;
  const endMs = countFromMs + plan.seconds * 1_000;
  let done: () => void = () => {};
  const finished = new Promise<void>((resolve) => (done = resolve));

  const send = (reader: Reader, dueMs: number): void => {
    reader.dueMs = dueMs;
    const path = plan.paths[Math.floor(random() * plan.paths.length)]!;
    reader.socket.write(`GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
  };
  const answered = (reader: Reader, status: number, bytes: number): void => {
    const nowMs = performance.now();
    const dueMs = reader.dueMs!;
    reader.dueMs = undefined;
    if (dueMs >= countFromMs) {
      histogram.recordValue(Math.min(LATENCY_US_MAX, Math.max(1, Math.round((nowMs - dueMs) * 1_000))));
      counts.answered++;
      counts.bytes += bytes;
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    const dueNext = waiting.shift();
    if (dueNext === undefined) free.push(reader);
    else send(reader, dueNext);
  };
  for (const reader of readers) {
    reader.socket.on('data', (chunk: Buffer) => read(reader, chunk, answered));
    reader.socket.on('close', () => {
      if (performance.now() < endMs) counts.failed++;
    });
  }
  const random = seededRandom(plan.seed);
  const pacer = new Pacer(PACE_MS, () => {
    const nowMs = performance.now();
    for (;;) {
      const dueMs = startMs + (next * 1_000) / plan.rate;
      if (dueMs > nowMs || dueMs >= endMs) break;
      next++;
      if (dueMs >= countFromMs) {
        counts.scheduled++;
        // Late for want of the generator's own time, not of a connection: that is the server's.
        if (nowMs - dueMs > PAGE_LATE_MS) counts.late++;
      }
      // The one that waited longest: none is ever silent for so long that the server closes it.
      const reader = free.shift();
      if (reader) send(reader, dueMs);
      else waiting.push(dueMs);
    }
    if (nowMs > endMs + OWED_WITHIN_MS || (nowMs > endMs && free.length === readers.length)) done();
  });
  await finished;
  pacer.stop();
  for (const { socket } of readers) socket.destroy();
  return { ...counts, statuses, latency: encodeIntoCompressedBase64(histogram) };
}

/** Whole answers only count; none here is chunked. */
function read(
  reader: Reader,
  chunk: Buffer,
  answered: (reader: Reader, status: number, bytes: number) => void,
): void {
  const bytes = reader.rest.length === 0 ? chunk : Buffer.concat([reader.rest, chunk]);
  const end = bytes.indexOf(HEADERS_END);
  if (end < 0) {
    reader.rest = bytes;
    return;
  }
  const head = bytes.toString('latin1', 0, end);
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const whole = end + HEADERS_END.length + length;
  if (bytes.length < whole) {
    reader.rest = bytes;
    return;
  }
  reader.rest = bytes.subarray(whole);
  answered(reader, Number(head.slice(9, 12)), whole);
}

function openReader({ host, port }: PageLoadPlan): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject).on('error', () => {});
      resolve({ socket, rest: Buffer.alloc(0), dueMs: undefined });
    });
  });
}

function seededRandom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

process.on('message', (plan: PageLoadPlan) => {
  run(plan).then(
    (report) => process.send!({ report }),
    (error: unknown) => process.send!({ fault: String(error) }),
  );
});
