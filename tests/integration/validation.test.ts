/** Batcher and validator threads as the engine runs them: real threads, real kernel, and threads that fail on request. */
import { afterEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../config/limits.ts';
import type { Template } from '../../src/domain/job.ts';
import { Verdict } from '../../src/domain/share.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { projectFileUrl } from '../../src/kit/project-root.ts';
import { StageLatencies } from '../../src/live/stage-latencies.ts';
import { JobRegistry } from '../../src/templates/job-registry.ts';
import { BatchArena } from '../../src/validation/batch-arena.ts';
import {
  OFFSET_NONCE,
  OFFSET_POW_TOP,
  OFFSET_REQUEST_ID,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../../src/validation/batch-layout.ts';
import { Batcher } from '../../src/validation/batcher.ts';
import type { SubmittingSession } from '../../src/validation/intake.ts';
import { type ValidatorTask, ValidatorThreads } from '../../src/validation/validator-threads.ts';
import { createKaspaNonceKernel } from '../../workers/kernels/kaspa-nonce.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { sampleTemplate } from '../kit/sample-template.ts';

type Fault = NonNullable<ValidatorTask['fault']>;

interface Settled {
  readonly nonce: bigint;
  readonly verdict: number;
  readonly powTop: string;
}

interface RoomOptions {
  readonly threads?: number;
  readonly inlineRecordsMax?: number;
  readonly recordsPerBatch?: number;
}

/** Half of all hashes are shares, one in 2^17 a block. */
const DIFFICULTY_LOG2 = -31;
const SESSION: SubmittingSession = {
  slot: 1,
  generation: 1,
  workerRef: 1,
  extranonce: 1,
  portIndex: 0,
  difficultyLog2For: () => DIFFICULTY_LOG2,
};

/** The validation room from the batcher down. */
class Room {
  readonly jobs: JobRegistry;
  readonly threads: ValidatorThreads;
  readonly arena: BatchArena;
  readonly batcher: Batcher;
  readonly stages = new StageLatencies();
  /** By request id, in the order of settling: a record that came twice has two entries. */
  readonly settled = new Map<number, Settled[]>();
  sent = 0;

  constructor({ threads = 2, inlineRecordsMax = 0, recordsPerBatch = 64 }: RoomOptions = {}) {
    this.jobs = new JobRegistry({
      slots: LIMITS.jobRingSlots,
      jobLifeMs: LIMITS.jobLifeMs,
      firstJobId: 1,
      onRegister: () => {},
      onRetire: () => {},
    });
    this.arena = new BatchArena(32, recordsPerBatch);
    this.threads = new ValidatorThreads({
      arena: this.arena,
      templateMemory: this.jobs.templateMemory,
      threads,
      batchesPerThread: LIMITS.batchesPerThread,
      batchDeadlineMs: LIMITS.batchDeadlineMs,
      batchRetriesMax: LIMITS.batchRetriesMax,
      workerFile: projectFileUrl('dist', 'workers', 'validate.worker.js'),
      log: silentLogger,
    });
    this.batcher = new Batcher({
      arena: this.arena,
      inline: createKaspaNonceKernel(this.jobs.templateMemory),
      threads: this.threads,
      inlineRecordsMax,
      settle: (records, count) => this.#settle(records, count),
      onRelease: () => {},
      atEndOfTurn: setImmediate,
      clock: () => performance.now(),
      stages: this.stages,
    });
  }

  submit(jobId: number, nonce: bigint): void {
    const slot = this.jobs.slotOf(jobId);
    const low = Number(nonce & 0xffff_ffffn);
    const taken = this.batcher.append(
      SESSION,
      slot,
      jobId,
      low,
      Number(nonce >> 32n),
      DIFFICULTY_LOG2,
      0,
      0,
      this.sent,
      0,
    );
    expect(taken).toBe(true);
    this.sent++;
  }

  /** In pieces of `perTurn`, a turn of the loop between them. */
  async submitAll(jobId: number, nonces: readonly bigint[], perTurn = 32): Promise<void> {
    for (const [index, nonce] of nonces.entries()) {
      this.submit(jobId, nonce);
      if ((index + 1) % perTurn === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async allSettled(): Promise<void> {
    await pollUntil('every batch came back', () => this.arena.freeSlots === this.arena.slots);
  }

  #settle(records: Uint8Array, count: number): void {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let at = 0; at < count * RECORD_BYTES; at += RECORD_BYTES) {
      const requestId = view.getFloat64(at + OFFSET_REQUEST_ID, true);
      const found = this.settled.get(requestId) ?? [];
      const powTop = Buffer.from(records.subarray(at + OFFSET_POW_TOP, at + RECORD_BYTES)).toString('hex');
      const nonce = view.getBigUint64(at + OFFSET_NONCE, true);
      found.push({ nonce, verdict: view.getUint8(at + OFFSET_VERDICT), powTop });
      this.settled.set(requestId, found);
    }
  }

  /** One entry a record, in the order of sending; throws when one is missing or there twice. */
  get answers(): Settled[] {
    return Array.from({ length: this.sent }, (_, requestId) => {
      const found = this.settled.get(requestId) ?? [];
      if (found.length !== 1) throw new Error(`record ${requestId} was settled ${found.length} times`);
      return found[0]!;
    });
  }
}

const NONCES = Array.from({ length: 512 }, (_, index) => 0x0001_0000_0000_0000n + BigInt(index * 7919));
const rooms: Room[] = [];

function openRoom(options?: RoomOptions): Room {
  const room = new Room(options);
  rooms.push(room);
  return room;
}

/** What the same kernel says on this thread: the truth that threads are compared with. */
async function judgedInline(template: Template): Promise<Settled[]> {
  const room = openRoom({ threads: 1, inlineRecordsMax: 64 });
  await room.submitAll(room.jobs.jobOf(template, 0), NONCES);
  await room.allSettled();
  expect(room.batcher.threadBatches).toBe(0);
  return room.answers;
}

afterEach(async () => {
  await Promise.all(rooms.splice(0).map((room) => room.threads.close()));
});

describe('validation on threads', () => {
  it('judges on threads exactly as it does inline, and both kinds of verdict occur', async () => {
    const inline = await judgedInline(sampleTemplate(1));
    const room = openRoom();
    await room.submitAll(room.jobs.jobOf(sampleTemplate(1), 0), NONCES);
    await room.allSettled();
    expect(room.batcher.inlineBatches).toBe(0);
    expect(room.answers).toEqual(inline);
    const verdicts = new Set(inline.map((answer) => answer.verdict));
    expect(verdicts.has(Verdict.Share) && verdicts.has(Verdict.LowDifficulty)).toBe(true);
  });

  it('judges each record of a mixed batch against its own job', async () => {
    const [one, two] = [await judgedInline(sampleTemplate(1)), await judgedInline(sampleTemplate(2))];
    const room = openRoom();
    const jobs = [room.jobs.jobOf(sampleTemplate(1), 0), room.jobs.jobOf(sampleTemplate(2), 0)] as const;
    for (const nonce of NONCES.slice(0, 100)) for (const jobId of jobs) room.submit(jobId, nonce);
    await room.allSettled();
    expect(room.answers).toEqual(one.slice(0, 100).flatMap((answer, index) => [answer, two[index]!]));
  });

  it('sends few records inline and many to the threads', async () => {
    const room = openRoom({ inlineRecordsMax: 8 });
    const jobId = room.jobs.jobOf(sampleTemplate(1), 0);
    await room.submitAll(jobId, NONCES.slice(0, 8), 8);
    await room.allSettled();
    expect([room.batcher.inlineBatches, room.batcher.threadBatches]).toEqual([1, 0]);
    await room.submitAll(jobId, NONCES.slice(8, 17), 9);
    await room.allSettled();
    expect([room.batcher.inlineBatches, room.batcher.threadBatches]).toEqual([1, 1]);
  });

  it('lets what arrives while all threads are busy wait, and judges all of it', async () => {
    const room = openRoom({ threads: 1, recordsPerBatch: 16 });
    const jobId = room.jobs.jobOf(sampleTemplate(1), 0);
    // One turn, 20 batches: two may be in flight, the rest queues in the arena.
    for (const nonce of NONCES.slice(0, 310)) room.submit(jobId, nonce);
    expect(room.threads.inFlight).toBe(0);
    await room.allSettled();
    expect(room.answers.map((answer) => answer.nonce)).toEqual(NONCES.slice(0, 310));
  });

  it.each<Fault>(['exit', 'throw', 'hang'])(
    'replaces a thread that meets "%s", judges its batch again, and settles every record once',
    async (fault) => {
      const inline = await judgedInline(sampleTemplate(1));
      const room = openRoom();
      const jobId = room.jobs.jobOf(sampleTemplate(1), 0);
      for (let round = 0; round < 4; round++) {
        room.threads.injectFaultForTest(fault);
        await room.submitAll(jobId, NONCES.slice(round * 128, (round + 1) * 128));
        await room.allSettled();
      }
      expect(room.answers).toEqual(inline);
      expect(room.threads.replaced).toBeGreaterThanOrEqual(4);
      expect(room.threads.inFlight).toBe(0);
    },
  );

  it('judges the other batch of a lost thread again, too', async () => {
    const inline = await judgedInline(sampleTemplate(1));
    const room = openRoom({ threads: 1, recordsPerBatch: 32 });
    const jobId = room.jobs.jobOf(sampleTemplate(1), 0);
    room.threads.injectFaultForTest('hang');
    // Two batches in one turn: the second waits behind the first one on the one thread.
    for (const nonce of NONCES.slice(0, 64)) room.submit(jobId, nonce);
    await room.allSettled();
    expect(room.answers).toEqual(inline.slice(0, 64));
    expect(room.threads.replaced).toBeGreaterThanOrEqual(2);
  });

  it('answers engine_fault, and loses nothing, when faults come more often than retries are allowed', async () => {
    const room = openRoom({ threads: 1 });
    const jobId = room.jobs.jobOf(sampleTemplate(1), 0);
    const attempts = LIMITS.batchRetriesMax + 1;
    for (let attempt = 0; attempt < attempts; attempt++) room.threads.injectFaultForTest('exit');
    await room.submitAll(jobId, NONCES.slice(0, 32));
    await room.allSettled();
    expect(room.answers.map((answer) => answer.verdict)).toEqual(
      NONCES.slice(0, 32).map(() => Verdict.EngineFault),
    );
    expect(room.threads.replaced).toBe(attempts);
    // The next batch is an ordinary one.
    await room.submitAll(jobId, NONCES.slice(32, 64));
    await room.allSettled();
    expect(room.answers.slice(32)).toEqual((await judgedInline(sampleTemplate(1))).slice(32, 64));
  });

  it('goes on under load while threads die one after the other', async () => {
    const inline = await judgedInline(sampleTemplate(1));
    const room = openRoom({ recordsPerBatch: 16 });
    const jobId = room.jobs.jobOf(sampleTemplate(1), 0);
    const faults: readonly Fault[] = ['exit', 'throw', 'exit', 'hang'];
    for (const [index, nonce] of NONCES.entries()) {
      if (index % 128 === 0) room.threads.injectFaultForTest(faults[index / 128]!);
      await pollUntil('there is room in the arena', () => !room.batcher.saturated);
      await room.submitAll(jobId, [nonce], index % 8 === 7 ? 1 : 2);
    }
    await room.allSettled();
    expect(room.answers).toEqual(inline);
    expect(room.threads.replaced).toBeGreaterThanOrEqual(faults.length);
  });
});
