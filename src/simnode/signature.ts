/**
 * Checks the Schnorr signature (BIP-340 over secp256k1) of an input that spends a pay-to-public-key output.
 * Pure.
 *
 * The simulated node verifies what a payer signs, and it must not use the signer's own library for that: a
 * wrong signature hash would then agree with itself. Speed is no aim (some milliseconds per input), nor is
 * constant time: nothing here is secret.
 *
 *   signature script: 41 | signature 64 | type 01 (all inputs and outputs)
 */
import { createHash } from 'node:crypto';
import { keyedHash } from './digests.ts';
import { outputParts, type SimTransaction, u8, u16, u32, u64 } from './transaction.ts';
import type { Utxo } from './utxo-set.ts';

const SIGNATURE_SCRIPT_BYTES = 66;
const PUSH_65 = 0x41;
const SIGHASH_ALL = 1;
const ZERO_HASH = new Uint8Array(32);

export function verifyInputSignature(tx: SimTransaction, index: number, entries: readonly Utxo[]): boolean {
  const script = tx.inputs[index]!.signatureScript;
  if (script.length !== SIGNATURE_SCRIPT_BYTES || script[0] !== PUSH_65 || script[65] !== SIGHASH_ALL)
    return false;
  // 20 | key 32 | ac
  const publicKey = Buffer.from(entries[index]!.script.slice(2, 66), 'hex');
  return verifySchnorr(signatureHash(tx, index, entries[index]!), publicKey, script.subarray(1, 65));
}

/**
 *   version | hash of outpoints | hash of sequences | hash of sigop counts
 *   | this outpoint | its script, value, sequence, sigops
 *   | hash of outputs | lock time | subnetwork | gas | hash of payload (zero when empty) | type
 */
export function signatureHash(tx: SimTransaction, index: number, spent: Utxo): Uint8Array {
  const input = tx.inputs[index]!;
  const hash = (...parts: Uint8Array[]): Uint8Array => keyedHash('TransactionSigningHash', ...parts);
  return hash(
    u16(tx.version),
    hash(...tx.inputs.flatMap((each) => [Buffer.from(each.transactionId, 'hex'), u32(each.index)])),
    hash(...tx.inputs.map((each) => u64(each.sequence))),
    hash(...tx.inputs.map((each) => u8(each.sigOpCount))),
    Buffer.from(input.transactionId, 'hex'),
    u32(input.index),
    u16(spent.scriptVersion),
    u64(spent.script.length / 2),
    Buffer.from(spent.script, 'hex'),
    u64(spent.valueSompi),
    u64(input.sequence),
    u8(input.sigOpCount),
    hash(...tx.outputs.flatMap(outputParts)),
    u64(tx.lockTime),
    Buffer.from(tx.subnetworkId, 'hex'),
    u64(tx.gas),
    tx.payload.length === 0 ? ZERO_HASH : hash(u64(tx.payload.length), tx.payload),
    u8(SIGHASH_ALL),
  );
}

const P = 2n ** 256n - 2n ** 32n - 977n;
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const G: Point = {
  x: 0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
  y: 0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
  z: 1n,
};

/** Jacobian: the point is (x/z^2, y/z^3); z = 0 is the neutral element. */
interface Point {
  readonly x: bigint;
  readonly y: bigint;
  readonly z: bigint;
}
const NEUTRAL: Point = { x: 0n, y: 1n, z: 0n };

/** sG - eP must be a point with even y whose x is the signature's first half. */
export function verifySchnorr(message: Uint8Array, publicKey: Uint8Array, signature: Uint8Array): boolean {
  const r = integerOf(signature.subarray(0, 32));
  const s = integerOf(signature.subarray(32, 64));
  const key = liftX(integerOf(publicKey));
  if (!key || r >= P || s >= N) return false;
  const e = integerOf(challengeHash(signature.subarray(0, 32), publicKey, message)) % N;
  const { x, y, z } = sumOfProducts(G, s, key, (N - e) % N);
  if (z === 0n) return false;
  const inverse = power(z, P - 2n);
  const squared = mod(inverse * inverse);
  return mod(x * squared) === r && (mod(y * mod(squared * inverse)) & 1n) === 0n;
}

function challengeHash(...parts: Uint8Array[]): Uint8Array {
  const tag = createHash('sha256').update('BIP0340/challenge').digest();
  const hash = createHash('sha256').update(tag).update(tag);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The point with this x and an even y, if there is one. */
function liftX(x: bigint): Point | undefined {
  if (x >= P) return undefined;
  const square = mod(x * x * x + 7n);
  const root = power(square, (P + 1n) / 4n);
  if (mod(root * root) !== square) return undefined;
  return { x, y: root & 1n ? P - root : root, z: 1n };
}

/** aA + bB in one walk over the bits of both. */
function sumOfProducts(first: Point, a: bigint, second: Point, b: bigint): Point {
  const both = addPoints(first, second);
  const aBits = a.toString(2).padStart(256, '0');
  const bBits = b.toString(2).padStart(256, '0');
  let total = NEUTRAL;
  for (let i = 0; i < 256; i++) {
    total = doublePoint(total);
    const inA = aBits[i] === '1';
    const inB = bBits[i] === '1';
    if (inA && inB) total = addPoints(total, both);
    else if (inA) total = addPoints(total, first);
    else if (inB) total = addPoints(total, second);
  }
  return total;
}

function doublePoint({ x, y, z }: Point): Point {
  if (z === 0n || y === 0n) return NEUTRAL;
  const ySquared = mod(y * y);
  const s = mod(4n * x * ySquared);
  const m = mod(3n * x * x);
  const nextX = mod(m * m - 2n * s);
  return { x: nextX, y: mod(m * (s - nextX) - 8n * ySquared * ySquared), z: mod(2n * y * z) };
}

function addPoints(a: Point, b: Point): Point {
  if (a.z === 0n) return b;
  if (b.z === 0n) return a;
  const aSquared = mod(a.z * a.z);
  const bSquared = mod(b.z * b.z);
  const u1 = mod(a.x * bSquared);
  const u2 = mod(b.x * aSquared);
  const s1 = mod(a.y * mod(bSquared * b.z));
  const s2 = mod(b.y * mod(aSquared * a.z));
  if (u1 === u2) return s1 === s2 ? doublePoint(a) : NEUTRAL;
  const h = mod(u2 - u1);
  const r = mod(s2 - s1);
  const hSquared = mod(h * h);
  const hCubed = mod(hSquared * h);
  const v = mod(u1 * hSquared);
  const x = mod(r * r - hCubed - 2n * v);
  return { x, y: mod(r * (v - x) - s1 * hCubed), z: mod(h * a.z * b.z) };
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function integerOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}
