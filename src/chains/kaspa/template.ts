/**
 * A node's template as the engine's template. Pure.
 *
 * In flows the block as the node gave it; out flows a Template whose `opaque` still holds those bytes, or the reason why no
 * miner may work on it.
 */
import type { Template } from '../../domain/job.ts';
import { targetOfBits } from '../../domain/target.ts';
import { withNonce } from './block-bytes.ts';
import { blockHash, type KaspaHeader, prePowHash } from './header-hash.ts';
import { decodeWireHeader, headerOfWire, type WireBlock } from './wire.ts';

/** `Template.opaque` of this chain: the node's bytes, untouched. */
export interface KaspaTemplateBytes {
  readonly headerBytes: Buffer;
  readonly transactionBytes: readonly Buffer[];
}

/** Largest int8 of PostgreSQL; at ten blocks a second the chain needs 29 thousand million years to get there. */
const SCORE_MAX = 2n ** 63n - 1n;

export type TemplateReading =
  | { readonly ok: true; readonly template: Template }
  | { readonly ok: false; readonly reason: string };

export function readTemplate(
  block: WireBlock | null,
  nodeName: string,
  receivedAtMs: number,
): TemplateReading {
  if (!block || block.header.length === 0) return { ok: false, reason: 'the template has no block' };
  const header = headerOfBytes(block.header);
  const hash = prePowHash(header);
  // GodMiner takes a zero word or timestamp for a broken job and disconnects; a hash has one about never.
  if (hasZeroWord(hash)) return { ok: false, reason: 'its pre-PoW hash has a word that is zero' };
  if (header.timestampMs === 0n) return { ok: false, reason: 'its timestamp is zero' };
  // A block with such scores could not be stored, and would hold up the loading of all shares behind it.
  if (header.daaScore > SCORE_MAX || header.blueScore > SCORE_MAX)
    return { ok: false, reason: 'its scores are beyond 2^63' };
  const opaque: KaspaTemplateBytes = { headerBytes: block.header, transactionBytes: block.transactions };
  return {
    ok: true,
    template: {
      prePowHash: hash,
      timestampMs: header.timestampMs,
      bits: header.bits,
      networkTarget: targetOfBits(header.bits),
      daaScore: header.daaScore,
      blueScore: header.blueScore,
      nodeName,
      receivedAtMs,
      opaque,
    },
  };
}

/** The finished block of a template: bytes for the node, and its hash. */
export function blockOfTemplate(template: Template, nonce: bigint): { block: WireBlock; hash: Uint8Array } {
  const { headerBytes, transactionBytes } = template.opaque as KaspaTemplateBytes;
  return {
    block: { header: withNonce(headerBytes, nonce), transactions: [...transactionBytes] },
    hash: blockHash({ ...headerOfBytes(headerBytes), nonce }),
  };
}

function headerOfBytes(bytes: Buffer): KaspaHeader {
  return headerOfWire(decodeWireHeader(bytes));
}

function hasZeroWord(hash: Uint8Array): boolean {
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength);
  for (let at = 0; at < hash.byteLength; at += 8) {
    if (view.getUint32(at) === 0 && view.getUint32(at + 4) === 0) return true;
  }
  return false;
}
