/**
 * Finds nonces whose proof of work lies in a band, with the share kernel: real work, so that a server can be asked about the edges
 * of a target and not only about its middle. Yields to the event loop, as other checks listen meanwhile.
 */
import { loadKernel } from '../../wasm/load.ts';
import { leBytesToInteger, targetToLeBytes } from '../domain/target.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../validation/batch-layout.ts';
import type { Job } from './job-forms.ts';

/** Above `above`, and at or below `atMost`. */
export interface Band {
  readonly above: bigint;
  readonly atMost: bigint;
}

const MAX_TARGET = (1n << 255n) - 1n;
const DIFFICULTY_ONE_TARGET = 1n << 224n;
/** Bits behind the point that are kept of a difficulty; those of a double below 2^-31 included. */
const FRACTION_BITS = 84n;
/** So hard that no nonce is a share by it: only the band's upper end decides. */
const NO_SHARE_LOG2 = 62;
const VERDICT_MEETS_TARGET = 2;
/** A turn of the loop: about 10 ms. */
const BATCHES_PER_TURN = 16;

/** floor(2^224 / difficulty): the easier of the two conventions in use. */
export function targetOf(difficulty: number): bigint {
  const scaled = BigInt(Math.round(difficulty * 2 ** Number(FRACTION_BITS)));
  const target = (DIFFICULTY_ONE_TARGET << FRACTION_BITS) / (scaled > 0n ? scaled : 1n);
  return target > MAX_TARGET ? MAX_TARGET : target;
}

/** The stricter convention, 0xffff x 2^208: a share in between is refused by servers that use it. */
export function strictTargetOf(difficulty: number): bigint {
  return (targetOf(difficulty) * 0xffffn) / 0x10000n;
}

/** Expected hashes to hit the band. */
export function costOf({ above, atMost }: Band): number {
  const width = atMost - above;
  return width > 0n ? Number((1n << 256n) / width) : Number.POSITIVE_INFINITY;
}

export class ShareFinder {
  readonly #kernel = loadKernel();
  readonly #view: DataView;
  #sequence = 0;

  constructor() {
    const { records } = this.#kernel;
    this.#view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  }

  /** The first nonce from `from` on within the band; undefined after `hashesMax`. */
  async find(job: Job, from: bigint, band: Band, hashesMax: number): Promise<bigint | undefined> {
    const kernel = this.#kernel;
    // Checks that mine at the same time take turns; each finds its own job in a slot of its own.
    const sequence = ++this.#sequence;
    const slot = sequence % kernel.templateSlots;
    const bound = targetToLeBytes(band.atMost);
    kernel.prepare(slot, sequence, job.prePowHash, job.timestampMs, bound);
    const step = BigInt(kernel.recordCapacity);
    let start = from;
    for (let hashed = 0; hashed < hashesMax; ) {
      for (let batch = 0; batch < BATCHES_PER_TURN; batch++) {
        const found = this.#batch(slot, sequence, start, band.above);
        if (found !== undefined) return found;
        start += step;
        hashed += kernel.recordCapacity;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    return undefined;
  }

  #batch(slot: number, sequence: number, start: bigint, above: bigint): bigint | undefined {
    const kernel = this.#kernel;
    for (let index = 0; index < kernel.recordCapacity; index++) {
      const at = index * RECORD_BYTES;
      this.#view.setBigUint64(at + OFFSET_NONCE, start + BigInt(index), true);
      this.#view.setUint32(at + OFFSET_TEMPLATE_SLOT, slot, true);
      this.#view.setUint32(at + OFFSET_TEMPLATE_SEQUENCE, sequence, true);
      this.#view.setInt8(at + OFFSET_DIFFICULTY_LOG2, NO_SHARE_LOG2);
    }
    kernel.judge(kernel.recordCapacity);
    for (let index = 0; index < kernel.recordCapacity; index++) {
      if (this.#view.getUint8(index * RECORD_BYTES + OFFSET_VERDICT) !== VERDICT_MEETS_TARGET) continue;
      const nonce = start + BigInt(index);
      if (above === 0n || leBytesToInteger(kernel.powOf(slot, nonce)) > above) return nonce;
    }
    return undefined;
  }
}
