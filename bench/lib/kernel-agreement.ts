/**
 * Counts how often our kernel and the official SDK differ on (header, nonce) pairs. Pairs are made from a seed, so a mismatch can
 * be looked at again. The kernel is asked in batches of all sizes that hold two headers in irregular order, since
 * that is how it is used; the whole 256-bit value is compared through `powOf` on every sixteenth nonce, the upper half on all.
 */
import { createHash } from 'node:crypto';
import { withReference } from '../../src/chains/kaspa/reference-pow.ts';
import { Verdict } from '../../src/domain/share.ts';
import { leBytesToInteger, shareTarget, targetOfBits, targetToLeBytes } from '../../src/domain/target.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_POW_TOP,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../../src/validation/batch-layout.ts';
import { type HeavyHashKernel, loadKernel } from '../../wasm/load.ts';

export interface Agreement {
  readonly pairs: number;
  readonly headers: number;
  readonly mismatches: number;
  /** header:nonce of the first few. */
  readonly examples: readonly string[];
}

interface Header {
  readonly slot: number;
  readonly prePowHash: Buffer;
  readonly timestampMs: bigint;
  readonly bits: number;
}

interface Pair {
  readonly header: Header;
  readonly nonce: bigint;
  readonly difficultyLog2: number;
  readonly pow: bigint;
  readonly meetsBits: boolean;
}

/** From where one hash in 4 is a block or a share to where none is: all verdicts occur. */
const BITS = [0x203fffff, 0x207fffff, 0x1f7fffff, 0x1e7fffff];
const SEQUENCE = 1;
const EXAMPLES_MAX = 5;

export function countMismatches(pairs: number, noncesPerHeader: number, seed: string): Agreement {
  const kernel = loadKernel();
  const random = randomWords(seed);
  const result = { pairs: 0, headers: 0, mismatches: 0, examples: [] as string[] };
  while (result.pairs < pairs) {
    const [left, right] = [newHeader(kernel, 0, random), newHeader(kernel, 1, random)];
    result.headers += 2;
    withReference(left.prePowHash, left.timestampMs, left.bits, (checkLeft) =>
      withReference(right.prePowHash, right.timestampMs, right.bits, (checkRight) => {
        let remaining = Math.min(2 * noncesPerHeader, pairs - result.pairs);
        while (remaining > 0) {
          const count = Math.min(remaining, 1 + Number(random() % 130n));
          const batch = Array.from({ length: count }, (): Pair => {
            const nonce = random();
            const choice = random();
            const goesLeft = (choice & 1n) === 0n;
            const reference = goesLeft ? checkLeft(nonce) : checkRight(nonce);
            const difficultyLog2 = -31 + Number((choice >> 1n) % 12n);
            return { header: goesLeft ? left : right, nonce, difficultyLog2, ...reference };
          });
          compareBatch(kernel, batch, result);
          remaining -= count;
          result.pairs += count;
        }
      }),
    );
  }
  return result;
}

function newHeader(kernel: HeavyHashKernel, slot: number, random: () => bigint): Header {
  const prePowHash = Buffer.alloc(32);
  for (let at = 0; at < 32; at += 8) prePowHash.writeBigUInt64LE(random(), at);
  const timestampMs = random();
  const bits = BITS[Number(random() % BigInt(BITS.length))]!;
  kernel.prepare(slot, SEQUENCE, prePowHash, timestampMs, targetToLeBytes(targetOfBits(bits)));
  return { slot, prePowHash, timestampMs, bits };
}

function compareBatch(
  kernel: HeavyHashKernel,
  batch: readonly Pair[],
  result: { mismatches: number; examples: string[] },
): void {
  const view = new DataView(kernel.records.buffer, kernel.records.byteOffset, kernel.records.length);
  for (const [index, { header, nonce, difficultyLog2 }] of batch.entries()) {
    const at = index * RECORD_BYTES;
    view.setBigUint64(at + OFFSET_NONCE, nonce, true);
    view.setUint32(at + OFFSET_TEMPLATE_SLOT, header.slot, true);
    view.setUint32(at + OFFSET_TEMPLATE_SEQUENCE, SEQUENCE, true);
    view.setInt8(at + OFFSET_DIFFICULTY_LOG2, difficultyLog2);
  }
  kernel.judge(batch.length);
  for (const [index, pair] of batch.entries()) {
    const at = index * RECORD_BYTES;
    const high = view.getBigUint64(at + OFFSET_POW_TOP, true);
    const low = view.getBigUint64(at + OFFSET_POW_TOP + 8, true);
    const agrees =
      ((high << 64n) | low) === pair.pow >> 128n &&
      view.getUint8(at + OFFSET_VERDICT) === expectedVerdict(pair) &&
      (index % 16 !== 0 || leBytesToInteger(kernel.powOf(pair.header.slot, pair.nonce)) === pair.pow);
    if (agrees) continue;
    result.mismatches++;
    if (result.examples.length < EXAMPLES_MAX) {
      result.examples.push(`${pair.header.prePowHash.toString('hex')}:${pair.nonce.toString(16)}`);
    }
  }
}

function expectedVerdict(pair: Pair): number {
  if (pair.meetsBits) return Verdict.Block;
  return pair.pow <= shareTarget(pair.difficultyLog2) ? Verdict.Share : Verdict.LowDifficulty;
}

/** Endless u64 from SHA-512 of seed and a counter. */
function randomWords(seed: string): () => bigint {
  let counter = 0;
  let block = Buffer.alloc(0);
  let at = 0;
  return () => {
    if (at === block.length) {
      block = createHash('sha512').update(`${seed}:${counter++}`).digest();
      at = 0;
    }
    const word = block.readBigUInt64LE(at);
    at += 8;
    return word;
  };
}
