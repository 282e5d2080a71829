/**
 * The writer thread. In flow slots of the ring, out flow bytes of a segment and the number up to which they are durable. It
 * must never publish a sequence before the fdatasync that covers it has returned 0, and never write on after a failure.
 *
 *   writing --failure--> failed --Command.Resume--> writing ...        (either) --Command.Close, nothing left--> gone
 *
 * Natural group commit: all that arrived while the last fdatasync ran goes into the next, so there is no timer, and a commit
 * grows with the load by itself. The thread blocks in Atomics.wait between commits; it has no event loop to starve.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { DurableMark } from './durable-mark.ts';
import { FaultPlan, type JournalFault } from './fault-plan.ts';
import type { Durability } from './journal.ts';
import { OFFSET_HEADER_SEGMENT, SLOT_WORDS, SlotKind } from './record-layout.ts';
import { Command, Control, Figure, type RingBuffers, RingMemory } from './ring-memory.ts';
import { SegmentWriter } from './segment-writer.ts';
import { kindAt, partAt, sealSlot } from './slot-codec.ts';

export interface WriterData {
  readonly directory: string;
  readonly durability: Durability;
  readonly buffers: RingBuffers;
  /** Sequence (mod 2^32) after which this thread starts; not 0 when it replaces one that died. */
  readonly startAfter: number;
  readonly faults: readonly JournalFault[];
}

/** The one message with content; everything else is a bare doorbell. */
export interface WriterFailure {
  readonly reason: string;
  /** The segment that was being opened or written: it may hold bytes that nobody was told about. */
  readonly segment: number;
}

const data = workerData as WriterData;
const port = parentPort!;
const memory = new RingMemory(data.buffers);
const mark = new DurableMark(data.buffers.mark);
const writer = new SegmentWriter(data.directory, data.durability, memory.figures, new FaultPlan(data.faults));

const opensSegment = (at: number): boolean =>
  kindAt(memory.words, at) === SlotKind.Header && partAt(memory.words, at) === 0;

const wordsAfter = (tail: number): number => (tail & memory.mask) * SLOT_WORDS;

/** The file is prepared by the main side, ahead of time; when it is late the ring takes what comes meanwhile. */
function waitUntilPrepared(segment: number): void {
  for (;;) {
    const bell = memory.get(Control.Bell);
    if (memory.get(Control.Prepared) >= segment) return;
    if (memory.get(Control.PrepareFailed) === segment) {
      writer.segment = 0;
      throw new Error(`segment ${segment} could not be prepared`);
    }
    Atomics.wait(memory.control, Control.Bell, bell);
  }
}

/** Seals the slots from `tail` on that belong to one segment, writes them in one or two runs and syncs. Returns the new tail. */
function commitStretch(tail: number, head: number): number {
  if (opensSegment(wordsAfter(tail))) {
    const segment = memory.words[wordsAfter(tail) + OFFSET_HEADER_SEGMENT / 4]!;
    writer.close();
    waitUntilPrepared(segment);
    writer.open(segment);
  }
  if (!writer.isOpen) throw new Error('records before the first segment header');
  let end = tail;
  do {
    sealSlot(memory.words, wordsAfter(end));
    end = (end + 1) | 0;
  } while (end !== head && !opensSegment(wordsAfter(end)));
  const count = (end - tail) | 0;
  const first = tail & memory.mask;
  const straight = Math.min(count, memory.slots - first);
  writer.write(memory.bytes, first, straight, 0);
  if (straight < count) writer.write(memory.bytes, 0, count - straight, straight);
  writer.sync(count);
  return end;
}

function ringDoorbell(): void {
  if (Atomics.exchange(memory.control, Control.Doorbell, 1) === 0) port.postMessage(0);
}

/** Returns the sequence to go on after, or undefined to end. */
function waitForResume(): number | undefined {
  for (;;) {
    const bell = memory.get(Control.Bell);
    const command = memory.get(Control.Command);
    if (command === Command.Close) return undefined;
    if (command === Command.Resume) {
      const resumeAt = memory.get(Control.ResumeAt);
      memory.set(Control.Command, Command.None);
      return resumeAt;
    }
    Atomics.wait(memory.control, Control.Bell, bell);
  }
}

function run(): void {
  let tail = data.startAfter | 0;
  let wokenAtMs = performance.now();
  for (;;) {
    const bell = memory.get(Control.Bell);
    const head = memory.get(Control.Head);
    if (head === tail) {
      if (memory.get(Control.Command) === Command.Close) return;
      memory.figures[Figure.BusyMs]! += performance.now() - wokenAtMs;
      Atomics.wait(memory.control, Control.Bell, bell);
      wokenAtMs = performance.now();
      continue;
    }
    try {
      while (tail !== head) {
        tail = commitStretch(tail, head);
        // The mark first: whoever is told of a sequence may go and read it from the file.
        mark.advance(writer.segment, writer.slot);
        memory.set(Control.Durable, tail);
        ringDoorbell();
      }
    } catch (thrown) {
      const failure: WriterFailure = {
        reason: thrown instanceof Error ? thrown.message : String(thrown),
        segment: writer.segment,
      };
      closeQuietly();
      port.postMessage(failure);
      const resumeAt = waitForResume();
      if (resumeAt === undefined) return;
      tail = resumeAt;
    }
  }
}

/** After a failure close() may well fail too, and says nothing that matters. */
function closeQuietly(): void {
  try {
    writer.close();
  } catch {}
}

run();
closeQuietly();
