/** Journals in temporary folders, and what a test asks of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SegmentReader, type ShareRecord } from '../../src/journal/salvage-reader.ts';
import { listWithHeaders, readSlots } from '../../src/journal/segment-files.ts';
import { countedThrough } from '../../src/journal/segment-frame.ts';
import {
  openShareJournal,
  type ShareJournal,
  type ShareJournalOptions,
} from '../../src/journal/share-journal.ts';
import { silentLogger } from '../../src/kit/log.ts';

export const ADDRESS = `kaspa:${'q'.repeat(61)}`;
export const PRE_POW_HASH = new Uint8Array(32).fill(0xc3);
export const JOB_TIMESTAMP_MS = 1_700_000_000_123n;
const POW_TOP = new Uint8Array(16).fill(0x77);

export function temporaryFolder(): { directory: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-journal-'));
  return { directory, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

/** A journal with what its listener heard. */
export class HeardJournal {
  readonly durable: number[] = [];
  readonly failures: { sequence: number; reason: string }[] = [];
  recoveries = 0;
  journal!: ShareJournal;
  #waiting: (() => void)[] = [];

  static async open(directory: string, options: Partial<ShareJournalOptions> = {}): Promise<HeardJournal> {
    const heard = new HeardJournal();
    heard.journal = await openShareJournal({
      directory,
      instanceName: 'test-1',
      bootUnixMs: Date.now(),
      log: silentLogger,
      listener: {
        onDurable: (sequence) => heard.#hear(() => heard.durable.push(sequence)),
        onFailure: (sequence, reason) => heard.#hear(() => heard.failures.push({ sequence, reason })),
        onRecovered: () => heard.#hear(() => heard.recoveries++),
      },
      ...options,
    });
    return heard;
  }

  #hear(note: () => void): void {
    note();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves as soon as the listener has heard enough. */
  async until(enough: () => boolean): Promise<void> {
    while (!enough()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  share(worker: number, jobId: number, nonce: number, atUnixMs = 1_700_000_000_000 + nonce): number {
    return this.journal.appendShare(1, 5, nonce, 0x4000_0000, atUnixMs, worker, jobId, 0x4000, 2, POW_TOP, 0);
  }

  /** Appends `count` shares of one worker and job, a batch a turn, waiting where the ring is full. */
  async shares(worker: number, jobId: number, count: number, firstNonce = 0, batch = 1000): Promise<number> {
    let last = 0;
    for (let n = 0; n < count; ) {
      const sequence = this.share(worker, jobId, firstNonce + n);
      if (sequence > 0) {
        last = sequence;
        n++;
      }
      if (sequence === 0 || n % batch === 0) {
        this.journal.flush();
        await new Promise((resolve) => setImmediate(resolve));
        if (sequence === 0 && !this.journal.available) throw new Error(this.journal.fault);
      }
    }
    this.journal.flush();
    return last;
  }
}

export interface StoredShare extends ShareRecord {
  readonly segment: number;
  readonly address: string | undefined;
  readonly workerName: string | undefined;
  readonly timestampMs: bigint | undefined;
}

/** Every share that counts, in order. */
export async function storedShares(directory: string): Promise<StoredShare[]> {
  const stored: StoredShare[] = [];
  for (const { file, header, next } of await listWithHeaders(directory)) {
    const reader = new SegmentReader(
      {
        share: (share, worker, job) =>
          stored.push({
            ...share,
            segment: file.segment,
            address: worker?.address,
            workerName: worker?.workerName,
            timestampMs: job?.timestampMs,
          }),
      },
      countedThrough(header, next),
    );
    await readSlots(file.path, (bytes, slot) => reader.feed(bytes, slot));
  }
  return stored;
}
