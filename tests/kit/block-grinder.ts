/** Finds nonces that meet a template's network target, with the engine's own kernel: 500,000 hashes take well under a second. */

import type { Template } from '../../src/domain/job.ts';
import { Verdict } from '../../src/domain/share.ts';
import { DIFFICULTY_LOG2_MAX, targetToLeBytes } from '../../src/domain/target.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../../src/validation/batch-layout.ts';
import { loadKernel } from '../../wasm/load.ts';

const kernel = loadKernel();
let sequence = 0;

/** The first nonce from `from` on that is a block; yields to the event loop between batches. */
export async function grindBlock(template: Template, from = 0n): Promise<bigint> {
  const view = new DataView(kernel.records.buffer, kernel.records.byteOffset, kernel.records.byteLength);
  const mySequence = ++sequence;
  const targetLe = targetToLeBytes(template.networkTarget);
  const count = kernel.recordCapacity;
  for (let start = from; ; start += BigInt(count)) {
    // Two grinders may take turns at the one kernel.
    if (kernel.preparedSequence(0) !== mySequence) {
      kernel.prepare(0, mySequence, template.prePowHash, template.timestampMs, targetLe);
    }
    for (let i = 0; i < count; i++) {
      const at = i * RECORD_BYTES;
      view.setBigUint64(at + OFFSET_NONCE, start + BigInt(i), true);
      view.setUint32(at + OFFSET_TEMPLATE_SLOT, 0, true);
      view.setUint32(at + OFFSET_TEMPLATE_SEQUENCE, mySequence, true);
      view.setInt8(at + OFFSET_DIFFICULTY_LOG2, DIFFICULTY_LOG2_MAX);
    }
    kernel.judge(count);
    for (let i = 0; i < count; i++) {
      if (view.getUint8(i * RECORD_BYTES + OFFSET_VERDICT) === Verdict.Block) return start + BigInt(i);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
