/** The journal's side: every share and block candidate that lies on the disk, read segment by segment as they are finished. */

import { SegmentReader } from '../../src/journal/salvage-reader.ts';
import { listWithHeaders, readSlots, type SegmentFile } from '../../src/journal/segment-files.ts';
import { countedThrough } from '../../src/journal/segment-frame.ts';
import type { ShareKeys } from './client-truth.ts';

export interface JournalledShare {
  readonly login: string;
  /** `segment/slot`, as PostgreSQL has it, too. */
  readonly place: string;
  readonly difficultyLog2: number;
}

export class JournalTruth {
  readonly shares = new Map<string, JournalledShare>();
  /** Shares that have two records. */
  readonly doubled: string[] = [];
  /** Block candidates by hash, with their share's key. */
  readonly blocks = new Map<string, string>();
  readonly blocksDoubled: string[] = [];
  /** Slots that are no record although records follow, and records without a name. Must stay 0: we kill, we do not corrupt. */
  damaged = 0;
  readonly #directory: string;
  readonly #keys: ShareKeys;
  /** Segments below this number are read and cannot change any more. */
  #readThrough = 0;

  constructor(directory: string, keys: ShareKeys) {
    this.#directory = directory;
    this.#keys = keys;
  }

  /** Reads what is new. Only while no engine runs: then the newest segment is finished, too. */
  async catchUp(): Promise<void> {
    for (const { file, header, next } of await listWithHeaders(this.#directory)) {
      // Without a header: prepared for the segment that never came; the next engine may use it.
      if (file.segment <= this.#readThrough || !header) continue;
      await this.#read(file, countedThrough(header, next));
      this.#readThrough = file.segment;
    }
  }

  async #read(file: SegmentFile, through: number | undefined): Promise<void> {
    const reader = new SegmentReader(
      {
        share: (share, worker, job) => {
          if (!worker || !job) return;
          const key = this.#keyOf(job, (BigInt(share.nonceHi) << 32n) | BigInt(share.nonceLo));
          if (this.shares.has(key)) this.doubled.push(key);
          this.shares.set(key, {
            login: `${worker.address}.${worker.workerName}`,
            place: `${file.segment}/${share.slot}`,
            difficultyLog2: share.difficultyLog2,
          });
        },
        block: (block, _worker, job) => {
          const hash = Buffer.from(block.blockHash).toString('hex');
          if (this.blocks.has(hash)) this.blocksDoubled.push(hash);
          if (job) this.blocks.set(hash, this.#keyOf(job, block.nonce));
        },
      },
      through,
    );
    await readSlots(file.path, (bytes, slot) => reader.feed(bytes, slot));
    const report = reader.finish();
    this.damaged += report.bad + report.holes + report.undefinedNames;
  }

  #keyOf(job: { readonly prePowHash: Uint8Array; readonly timestampMs: bigint }, nonce: bigint): string {
    return this.#keys.keyOf(
      Buffer.from(job.prePowHash).toString('hex'),
      job.timestampMs.toString(),
      nonce.toString(16).padStart(16, '0'),
    );
  }
}
