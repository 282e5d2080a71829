/** A template for tests whose work is told apart by one number. */
import type { Template } from '../../src/domain/job.ts';
import { targetOfBits } from '../../src/domain/target.ts';

export function sampleTemplate(seed: number, bits = 0x1e7fffff): Template {
  const prePowHash = new Uint8Array(32).fill(0x2a);
  new DataView(prePowHash.buffer).setUint32(0, seed + 1, true);
  return {
    prePowHash,
    timestampMs: BigInt(1_700_000_000_000 + seed),
    bits,
    networkTarget: targetOfBits(bits),
    daaScore: BigInt(seed),
    blueScore: BigInt(seed),
    nodeName: 'test',
    receivedAtMs: 0,
    opaque: undefined,
  };
}
