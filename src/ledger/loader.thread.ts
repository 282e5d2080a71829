/**
 * The loader's thread: rows are made here, so that the main thread never sees one; spans and refusals are kept beside them. In flow requests, out flow a status every
 * second, answers to drains, and log lines for the main thread's log.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { AnsweredMark } from '../journal/answered-mark.ts';
import { DurableMark } from '../journal/durable-mark.ts';
import { LatencyRecord } from '../kit/latency-record.ts';
import { stepBehindMiners } from '../kit/thread-priority.ts';
import { Loader } from './loader.ts';
import type { LoaderLog, LoaderReply, LoaderRequest, LoaderThreadData } from './loader-status.ts';
import { SpanKeeper } from './span-keeper.ts';

const STATUS_INTERVAL_MS = 1000;

// Rows can wait in the journal; on a full core a batch would hold the main thread up for 3 to 5 ms.
stepBehindMiners();

const data = workerData as LoaderThreadData;
const port = parentPort!;
const mark = new DurableMark(data.durableMark);
const answered = data.answeredMark && new AnsweredMark(data.answeredMark);
const reply = (message: LoaderReply) => port.postMessage(message);

const log: LoaderLog = (level, fields, message) => reply({ type: 'log', level, fields, message });
const { databaseUrl, instanceName } = data;
const spans = new SpanKeeper({ databaseUrl, instanceName, log });

const loader = new Loader({
  journalDirectory: data.journalDirectory,
  instanceName,
  databaseUrl,
  durablePosition: () => {
    const position = mark.read();
    return position.segment === 0 ? undefined : position;
  },
  answeredThroughMs: () => answered?.read() ?? 0,
  commitTimes: data.commitTimes && new LatencyRecord(data.commitTimes),
  retainMs: data.retainMs,
  rowsMax: data.rowsMax,
  intervalMs: data.intervalMs,
  log,
});

let lastAtMs = performance.now();
let lastLoaded = 0;
let rowsPerSecond = 0;

/** @param measure false: between two ticks, when a rate over so short a time would say nothing. */
function postStatus(measure: boolean): void {
  if (measure) {
    const nowMs = performance.now();
    const loaded = loader.loadedHere;
    rowsPerSecond = ((loaded - lastLoaded) / (nowMs - lastAtMs)) * 1000;
    lastAtMs = nowMs;
    lastLoaded = loaded;
  }
  reply({ type: 'status', status: loader.status(Date.now(), rowsPerSecond) });
}

const timer = setInterval(postStatus, STATUS_INTERVAL_MS, true);

async function serve(request: LoaderRequest): Promise<void> {
  if (request.type === 'status') return postStatus(false);
  if (request.type === 'drain') {
    const done = await loader.drain(request.deadlineMs);
    postStatus(false);
    return reply({ type: 'drained', id: request.id, done });
  }
  if (request.type === 'refusals') {
    const done = await spans.note(request.batch);
    return reply({ type: 'noted', sequence: request.batch.sequence, done });
  }
  clearInterval(timer);
  await spans.close();
  await loader.close();
  postStatus(false);
  port.close();
}

port.on('message', (request: LoaderRequest) => {
  // A rejection here is a fault of ours: let it end the thread, which the client logs and restarts.
  void serve(request);
});
loader.start();
spans.start();
