/**
 * What the journal's end tells about work that may be handed out again after a restart: the nonces that were credited lately,
 * by identity of work. Without it a miner could be paid twice for a share by sending it again after a crash.
 */
import { workIdentity } from '../domain/job.ts';
import { type JobDefinition, SegmentReader } from './salvage-reader.ts';
import { listSegments, readHeader, readSlots } from './segment-files.ts';
import { countedThrough } from './segment-frame.ts';
import type { SegmentHeader } from './slot-codec.ts';

/**
 * Clocks step and shares of one commit come in any order: a segment counts as older than the window only when its newest share
 * is this much older.
 */
const CLOCK_SLACK_MS = 5_000;

/**
 * Reads segments from the newest backwards and stops at the first whose last share came before `sinceUnixMs`. What a segment
 * holds that is older counts all the same: a node may repeat one template for as long as its chain is quiet.
 * A journal that does not exist yet has no shares.
 */
export async function recentWork(
  directory: string,
  sinceUnixMs: number,
): Promise<Map<string, BigUint64Array>> {
  const found = new Map<string, NonceList>();
  const files = await listSegments(directory).catch((thrown: { cause?: NodeJS.ErrnoException }) => {
    if (thrown.cause?.code === 'ENOENT') return [];
    throw thrown;
  });
  let next: SegmentHeader | undefined;
  for (const file of files.reverse()) {
    const header = await readHeader(file.path);
    const reader = new SegmentReader(collector(found), countedThrough(header, next));
    await readSlots(file.path, (bytes, slot) => {
      // Segments are preallocated: a whole piece of zeros is the unwritten rest, not worth 16 MiB of reading at a start.
      if (isZero(bytes)) return false;
      reader.feed(bytes, slot);
      return true;
    });
    const report = reader.finish();
    if (report.shares > 0 && report.lastShareUnixMs < sinceUnixMs - CLOCK_SLACK_MS) break;
    if (header) next = header;
  }
  return new Map([...found].map(([identity, list]) => [identity, list.finish()]));
}

/** The identity is a long string: made once for each job of a segment, not for each share. */
function collector(found: Map<string, NonceList>): ConstructorParameters<typeof SegmentReader>[0] {
  const listOf = new Map<JobDefinition, NonceList>();
  return {
    share(share, _worker, job) {
      if (!job) return;
      let list = listOf.get(job);
      if (!list) {
        const identity = workIdentity(job.prePowHash, job.timestampMs);
        list = found.get(identity) ?? new NonceList();
        found.set(identity, list);
        listOf.set(job, list);
      }
      list.add(share.nonceLo, share.nonceHi);
    },
  };
}

class NonceList {
  #words = new Uint32Array(64);
  #count = 0;

  add(lo: number, hi: number): void {
    if (this.#count * 2 === this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words[this.#count * 2] = lo;
    this.#words[this.#count * 2 + 1] = hi;
    this.#count++;
  }

  finish(): BigUint64Array {
    return new BigUint64Array(this.#words.slice(0, this.#count * 2).buffer);
  }
}

function isZero(bytes: Uint8Array): boolean {
  const words = bytes.length >>> 2;
  const view = new Uint32Array(bytes.buffer, bytes.byteOffset, words);
  for (let index = 0; index < words; index++) if (view[index] !== 0) return false;
  return true;
}
