/**
 * Changes the nonce inside a header's protobuf bytes, and nothing else. Pure.
 *
 * In flow the header exactly as the node gave it and a nonce; out flows the same header with that nonce. It must never decode
 * and re-encode: a field that a newer node added would be lost, and the found block with it.
 *
 *   header = field*        field = key varint, value         key = (number << 3) | wire type
 *   wire type 0: varint    1: 8 bytes    2: length varint, then that many bytes    5: 4 bytes    (3, 4 are extinct)
 *
 * The nonce is field 8, a varint. Zero is the default of its type and need not be on the wire at all, so a template usually
 * has no field 8 yet. The last of several would count, so all of them are cut out and one is put where the first one stood.
 */
import { EdgeError } from '../../kit/edge-error.ts';

const NONCE_FIELD = 8;
const NONCE_KEY = NONCE_FIELD << 3;
/** Ten groups of seven bits hold a u64. */
const VARINT_MAX_BYTES = 10;

const WIRE_VARINT = 0;
const WIRE_64_BIT = 1;
const WIRE_LENGTH = 2;
const WIRE_32_BIT = 5;

/** The header with its nonce replaced; all other bytes keep their order and value. */
export function withNonce(header: Uint8Array, nonce: bigint): Buffer {
  const parts: Uint8Array[] = [];
  let copiedTo = 0;
  let written = false;
  forEachField(header, (field, start, end) => {
    if (field !== NONCE_FIELD) return;
    parts.push(header.subarray(copiedTo, start));
    if (!written) parts.push(nonceField(nonce));
    written = true;
    copiedTo = end;
  });
  parts.push(header.subarray(copiedTo));
  if (!written) parts.push(nonceField(nonce));
  return Buffer.concat(parts);
}

/** Calls `visit` with number, first byte of the key and end of the value of every field of one message. */
function forEachField(bytes: Uint8Array, visit: (field: number, start: number, end: number) => void): void {
  let at = 0;
  while (at < bytes.length) {
    const start = at;
    const keyEnd = varintEnd(bytes, at);
    const key = smallVarint(bytes, at, keyEnd);
    at = valueEnd(bytes, keyEnd, key & 7);
    if (at > bytes.length) throw malformed('a field runs past the end', start);
    visit(key >>> 3, start, at);
  }
}

function valueEnd(bytes: Uint8Array, at: number, wireType: number): number {
  if (wireType === WIRE_VARINT) return varintEnd(bytes, at);
  if (wireType === WIRE_64_BIT) return at + 8;
  if (wireType === WIRE_32_BIT) return at + 4;
  if (wireType === WIRE_LENGTH) {
    const end = varintEnd(bytes, at);
    return end + smallVarint(bytes, at, end);
  }
  throw malformed(`wire type ${wireType}`, at);
}

function varintEnd(bytes: Uint8Array, at: number): number {
  for (let end = at; end < at + VARINT_MAX_BYTES; end++) {
    const byte = bytes[end];
    if (byte === undefined) break;
    if (byte < 0x80) return end + 1;
  }
  throw malformed('a number does not end', at);
}

/** Keys and lengths only: five bytes at most, kept out of bigint. */
function smallVarint(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (let i = end - 1; i >= at; i--) value = value * 128 + (bytes[i]! & 0x7f);
  if (value > 0xffff_ffff) throw malformed('a key or length is too large', at);
  return value;
}

function nonceField(nonce: bigint): Uint8Array {
  if (nonce < 0n || nonce > 0xffff_ffff_ffff_ffffn) throw new RangeError(`nonce is not a u64: ${nonce}`);
  const bytes = [NONCE_KEY];
  let rest = nonce;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}

function malformed(what: string, at: number): EdgeError {
  return new EdgeError(
    'SLUICE_BLOCK_BYTES',
    `the header from the node is not readable: ${what} at byte ${at}`,
    'Look whether the node and the network path to it are sound; no block can be made of this template.',
  );
}
