/**
 * Kaspa addresses. Pure.
 *
 * In flows whatever a miner typed; out flows the canonical address or a sentence for the miner. It must never hand an
 * unchecked string to the SDK: `new Address(bad)` panics there, and 3,854 panics kill the whole WASM instance.
 *
 *   kaspa : q r s t ...  (53 or 55 digits of 5 bits)  x x x x x x x x
 *   prefix  |____ version byte + key, zero bits at the end ____|  |_ checksum, 40 bits _|
 *
 *   version 0  Schnorr key, 32 bytes      -> 61 digits      script: 20 key ac
 *   version 1  ECDSA key, 33 bytes        -> 63 digits      script: 21 key ab
 *   version 8  script hash, 32 bytes      -> 61 digits      script: aa 20 hash 87
 *
 * The checksum is a BCH code over 5-bit digits with 40 check bits, the prefix's letters (low 5 bits each) and a zero first.
 */
import type { AddressCheck } from '../chain.ts';

const DIGITS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
/** Digit by code of the letter, -1 = none. */
const DIGIT_OF = Int8Array.from({ length: 128 }, (_, code) => DIGITS.indexOf(String.fromCharCode(code)));
const CHECKSUM_DIGITS = 8;
/** Longer text is no address with some junk around it; keeps the pattern search cheap for hostile input. */
const TEXT_MAX_CHARS = 256;

/** The five generators of the code, each as bits 32..39 and bits 0..31. */
const GENERATORS = [
  [0x98, 0xf2bc8e61],
  [0x79, 0xb76d99e2],
  [0xf3, 0x3e5fb3c4],
  [0xae, 0x2eabe2a8],
  [0x1e, 0x4f43e470],
] as const;
/** Of every five bits that leave at the top: what the generators of those that are set come to, together. */
const [FEEDBACK_HIGH, FEEDBACK_LOW] = [0, 1].map((part) =>
  Uint32Array.from({ length: 32 }, (_, top) =>
    GENERATORS.reduce((sum, generator, bit) => ((top >>> bit) & 1 ? (sum ^ generator[part]!) >>> 0 : sum), 0),
  ),
) as [Uint32Array, Uint32Array];

export type AddressPrefix = 'kaspa' | 'kaspatest' | 'kaspadev' | 'kaspasim';
const PREFIXES: readonly AddressPrefix[] = ['kaspa', 'kaspatest', 'kaspadev', 'kaspasim'];

export const AddressVersion = { SchnorrKey: 0, EcdsaKey: 1, ScriptHash: 8 } as const;

export interface KaspaAddress {
  readonly prefix: AddressPrefix;
  readonly version: number;
  /** Key or script hash. */
  readonly payload: Uint8Array;
}

/** undefined for a network that does not exist. Testnets carry a number after a dash. */
export function prefixOfNetwork(networkId: string): AddressPrefix | undefined {
  const kind = networkId.split('-')[0];
  if (kind === 'mainnet') return 'kaspa';
  if (kind === 'testnet') return 'kaspatest';
  if (kind === 'devnet') return 'kaspadev';
  if (kind === 'simnet') return 'kaspasim';
  return undefined;
}

/** Strict: canonical text only, undefined for anything else. */
export function decodeAddress(text: string): KaspaAddress | undefined {
  const colon = text.indexOf(':');
  const prefix = PREFIXES.find((known) => known === text.slice(0, colon));
  return prefix && decodeDigits(prefix, text.slice(colon + 1));
}

export function encodeAddress({ prefix, version, payload }: KaspaAddress): string {
  if (payloadBytes(version) !== payload.length)
    throw new RangeError(`no address of version ${version} has ${payload.length} bytes`);
  const digits = toDigits(Uint8Array.of(version, ...payload));
  const [high, low] = checksum(prefix, digits);
  digits.push(...toDigits(Uint8Array.of(high, low >>> 24, low >>> 16, low >>> 8, low)));
  return `${prefix}:${digits.map((digit) => DIGITS[digit]).join('')}`;
}

/** The locking script of an address, script version 0. */
export function payToAddressScript({ version, payload }: KaspaAddress): Uint8Array {
  if (version === AddressVersion.SchnorrKey) return Uint8Array.of(0x20, ...payload, 0xac);
  if (version === AddressVersion.EcdsaKey) return Uint8Array.of(0x21, ...payload, 0xab);
  return Uint8Array.of(0xaa, 0x20, ...payload, 0x87);
}

/**
 * What a miner typed, judged for one network. Lenient about case, a missing prefix and whatever follows or precedes the
 * address (mining OS templates send `kaspa:qz...,Rig_1234`); never about the checksum, which is all that stands between
 * a slip of the finger and somebody's money.
 */
export function checkAddress(text: string, networkId: string): AddressCheck {
  const own = prefixOfNetwork(networkId);
  if (!own) return refused(`this pool is set up for an unknown network, ${networkId}`);
  const mustBegin = `this pool mines ${networkId}: the address must begin with ${own}:`;
  if (typeof text !== 'string' || text.trim() === '') return refused(`no address given; ${mustBegin}`);
  if (text.length > TEXT_MAX_CHARS) return refused(`the address is too long; ${mustBegin}`);

  const lower = text.trim().toLowerCase();
  const withPrefix = /(?:^|[^a-z])(kaspa(?:test|dev|sim)?):([a-z0-9]*)/.exec(lower);
  if (!withPrefix) return checkWithoutPrefix(lower, own, mustBegin);
  const prefix = withPrefix[1] as AddressPrefix;
  if (prefix !== own) return refused(mustBegin);
  return checkDigits(own, withPrefix[2]!);
}

/** The prefix is part of the checksum, so a bare address names its network after all. */
function checkWithoutPrefix(lower: string, own: AddressPrefix, mustBegin: string): AddressCheck {
  // A colon after other letters is a prefix of some other coin, or a typing mistake in ours.
  const digits = /^[a-z0-9]+(?!:)/.exec(lower)?.[0] ?? '';
  if (digits.length !== digitCount(32) && digits.length !== digitCount(33)) return refused(mustBegin);
  for (const prefix of PREFIXES) {
    if (prefix !== own && decodeDigits(prefix, digits))
      return refused(`${mustBegin} (this one is for ${prefix}:)`);
  }
  return checkDigits(own, digits);
}

function checkDigits(prefix: AddressPrefix, digits: string): AddressCheck {
  const shown = `${prefix}:${digits.slice(0, 12)}...`;
  if (digits.length !== digitCount(32) && digits.length !== digitCount(33)) {
    return refused(
      `the address ${shown} has ${digits.length} characters after the colon, it must have 61 or 63: please check it`,
    );
  }
  if (!decodeDigits(prefix, digits)) {
    return refused(
      `the address ${shown} has a typing mistake, its checksum does not match: please copy it from your wallet again`,
    );
  }
  return { ok: true, address: `${prefix}:${digits}` };
}

function refused(reason: string): AddressCheck {
  return { ok: false, reason };
}

function payloadBytes(version: number): number | undefined {
  if (version === AddressVersion.SchnorrKey || version === AddressVersion.ScriptHash) return 32;
  return version === AddressVersion.EcdsaKey ? 33 : undefined;
}

function digitCount(keyBytes: number): number {
  return Math.ceil(((1 + keyBytes) * 8) / 5) + CHECKSUM_DIGITS;
}

function decodeDigits(prefix: AddressPrefix, text: string): KaspaAddress | undefined {
  if (text.length !== digitCount(32) && text.length !== digitCount(33)) return undefined;
  const all = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const digit = DIGIT_OF[text.charCodeAt(i)] ?? -1;
    if (digit < 0) return undefined;
    all[i] = digit;
  }
  const digits = all.subarray(0, -CHECKSUM_DIGITS);
  const check = all.subarray(-CHECKSUM_DIGITS);
  const [high, low] = checksum(prefix, digits);
  let givenHigh = 0;
  let givenLow = 0;
  for (const digit of check) {
    givenHigh = ((givenHigh << 5) | (givenLow >>> 27)) & 0xff;
    givenLow = ((givenLow << 5) | digit) >>> 0;
  }
  if (high !== givenHigh || low !== givenLow) return undefined;
  const bytes = fromDigits(digits);
  if (!bytes || payloadBytes(bytes[0]!) !== bytes.length - 1) return undefined;
  return { prefix, version: bytes[0]!, payload: bytes.subarray(1) };
}

/** 40 bits in two numbers: 8 high ones and 32 low ones. A bigint would cost forty times as much per login. */
function checksum(prefix: string, digits: ArrayLike<number>): readonly [number, number] {
  let high = 0;
  let low = 1;
  const length = prefix.length + 1 + digits.length;
  for (let i = 0; i < length + CHECKSUM_DIGITS; i++) {
    // The prefix's letters, a zero, the digits, and zeros where the checksum will be.
    let digit = 0;
    if (i < prefix.length) digit = prefix.charCodeAt(i) & 31;
    else if (i > prefix.length && i < length) digit = digits[i - prefix.length - 1]!;
    const top = high >>> 3;
    high = (((high & 7) << 5) | (low >>> 27)) ^ FEEDBACK_HIGH[top]!;
    low = (((low << 5) | digit) ^ FEEDBACK_LOW[top]!) >>> 0;
  }
  return [high, (low ^ 1) >>> 0];
}

function toDigits(bytes: Uint8Array): number[] {
  const digits: number[] = [];
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; ) {
      bits -= 5;
      digits.push((buffer >>> bits) & 31);
    }
  }
  if (bits > 0) digits.push((buffer << (5 - bits)) & 31);
  return digits;
}

/** undefined when the bits left over are not zero: two texts for one address would be two accounts in the ledger. */
function fromDigits(digits: Uint8Array): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((digits.length * 5) / 8));
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    buffer = ((buffer << 5) | digit) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = (buffer >>> bits) & 0xff;
  }
  return (buffer & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
