/** Finds nonces that meet a job's share target, or miss it, with the engine's own kernel. */
import { Verdict } from '../../src/domain/share.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../../src/validation/batch-layout.ts';
import { loadKernel } from '../../wasm/load.ts';

export interface GrindWork {
  readonly prePowHash: Uint8Array;
  readonly timestampMs: bigint;
  readonly difficultyLog2: number;
}

const kernel = loadKernel();
/** Nothing meets target 0: the kernel never says `block`. */
const NO_NETWORK_TARGET = new Uint8Array(32);
let sequence = 0;

/** The first `count` nonces from `from` on that are shares or, with `wanted` so, none. */
export function grindShares(
  work: GrindWork,
  from: bigint,
  count: number,
  wanted: number = Verdict.Share,
): bigint[] {
  const view = new DataView(kernel.records.buffer, kernel.records.byteOffset, kernel.records.byteLength);
  const found: bigint[] = [];
  kernel.prepare(0, ++sequence, work.prePowHash, work.timestampMs, NO_NETWORK_TARGET);
  for (let start = from; found.length < count; start += BigInt(kernel.recordCapacity)) {
    for (let index = 0; index < kernel.recordCapacity; index++) {
      const at = index * RECORD_BYTES;
      view.setBigUint64(at + OFFSET_NONCE, start + BigInt(index), true);
      view.setUint32(at + OFFSET_TEMPLATE_SLOT, 0, true);
      view.setUint32(at + OFFSET_TEMPLATE_SEQUENCE, sequence, true);
      view.setInt8(at + OFFSET_DIFFICULTY_LOG2, work.difficultyLog2);
    }
    kernel.judge(kernel.recordCapacity);
    for (let index = 0; index < kernel.recordCapacity && found.length < count; index++) {
      if (view.getUint8(index * RECORD_BYTES + OFFSET_VERDICT) === wanted) found.push(start + BigInt(index));
    }
  }
  return found;
}
