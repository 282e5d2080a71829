/**
 * Lines of a stratum server, read as a miner reads them. Pure.
 *
 * The array form of a job carries integers up to 2^64, which JSON.parse rounds to doubles: the digits are taken from the text
 * before anything else looks at it. Numbers are the only thing read twice; shape and types come from the parsed object.
 */
import type { ClientProfile } from './client-profiles.ts';

export interface MinerJob {
  readonly id: string;
  /** 32 bytes in hash order. */
  readonly prePowHash: Uint8Array;
  readonly timestampMs: bigint;
  /** Identity of the work, whatever id it came under. */
  readonly workKey: string;
}

export type ServerLine =
  | {
      readonly kind: 'reply';
      readonly id: number;
      readonly result: unknown;
      readonly error: ReplyError | undefined;
    }
  | { readonly kind: 'extranonce'; readonly extranonceHex: string }
  | { readonly kind: 'difficulty'; readonly difficulty: number }
  | { readonly kind: 'job'; readonly job: MinerJob }
  /** The real client would choke on it; `fault` is a constant text, so faults can be counted by it. */
  | { readonly kind: 'violation'; readonly fault: string };

export interface ReplyError {
  readonly code: number;
  readonly text: string;
}

const violation = (fault: string): ServerLine => ({ kind: 'violation', fault });

export function parseServerLine(line: string, profile: ClientProfile): ServerLine {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    return violation('line is not JSON');
  }
  if (typeof message !== 'object' || message === null) return violation('line is not an object');
  const fields = message as Record<string, unknown>;
  if (typeof fields.method !== 'string') return parseReply(fields, profile);
  const params = Array.isArray(fields.params) ? (fields.params as unknown[]) : [];
  switch (fields.method) {
    case 'mining.notify':
      return profile.jobForm === 'hex' ? parseHexJob(params) : parseArrayJob(params, line);
    case 'mining.set_difficulty':
      return parseDifficulty(params);
    case 'mining.set_extranonce':
    case 'set_extranonce':
      return parseExtranonce(params, profile);
    default:
      // kaspa-miner cannot parse a push it does not know; the others drop it.
      return violation(profile.strictJson ? 'unknown push' : 'unknown push, ignored');
  }
}

function parseReply(fields: Record<string, unknown>, profile: ClientProfile): ServerLine {
  if (typeof fields.id !== 'number') return violation('reply without a numeric id');
  if (profile.strictJson && !('result' in fields && 'error' in fields)) return violation('reply lacks a key');
  if (fields.error === null || fields.error === undefined) {
    return { kind: 'reply', id: fields.id, result: fields.result, error: undefined };
  }
  const error = fields.error as unknown[];
  if (!Array.isArray(error) || typeof error[0] !== 'number' || typeof error[1] !== 'string') {
    return violation('error is not [code, text, …]');
  }
  if (profile.strictJson && (error[0] < 20 || error[0] > 25)) return violation('error code outside 20..25');
  return { kind: 'reply', id: fields.id, result: fields.result, error: { code: error[0], text: error[1] } };
}

function parseDifficulty(params: readonly unknown[]): ServerLine {
  const difficulty = params[0];
  if (typeof difficulty !== 'number' || !(difficulty > 0))
    return violation('difficulty is not a positive number');
  return { kind: 'difficulty', difficulty };
}

function parseExtranonce(params: readonly unknown[], profile: ClientProfile): ServerLine {
  const [extranonceHex, freeBytes] = params;
  if (!isExtranonce(extranonceHex)) return violation('extranonce is not even lower-case hex');
  if (profile.extranonceFrom === 'two-param-push' && freeBytes !== 8 - extranonceHex.length / 2) {
    return violation('extranonce push without its size');
  }
  return { kind: 'extranonce', extranonceHex };
}

/** At most 3 bytes: with more, the free part is too small for any machine. */
export function isExtranonce(value: unknown): value is string {
  return typeof value === 'string' && /^([0-9a-f]{2}){0,3}$/.test(value);
}

const ARRAY_JOB =
  /\[\s*(\d{1,20})\s*,\s*(\d{1,20})\s*,\s*(\d{1,20})\s*,\s*(\d{1,20})\s*\]\s*,\s*(\d{1,20})\s*\]/;

function parseArrayJob(params: readonly unknown[], line: string): ServerLine {
  if (!isJobId(params[0])) return violation('job id is not a short printable string');
  const digits = ARRAY_JOB.exec(line);
  if (!digits || params.length !== 3) return violation('job is not [id, four integers, timestamp]');
  const prePowHash = new Uint8Array(32);
  const view = new DataView(prePowHash.buffer);
  for (let word = 0; word < 4; word++) {
    const value = BigInt(digits[word + 1]!);
    // GodMiner refuses a zero word or timestamp.
    if (value === 0n || value >= 1n << 64n) return violation('job word is zero or beyond 64 bits');
    view.setBigUint64(word * 8, value, true);
  }
  return jobOf(params[0], prePowHash, BigInt(digits[5]!));
}

function parseHexJob(params: readonly unknown[]): ServerLine {
  const [id, hex] = params;
  if (!isJobId(id)) return violation('job id is not a short printable string');
  if (params.length !== 2 || typeof hex !== 'string' || !/^[0-9a-f]{80}$/.test(hex)) {
    return violation('job is not [id, 80 hex digits]');
  }
  const bytes = Buffer.from(hex, 'hex');
  return jobOf(id, new Uint8Array(bytes.subarray(0, 32)), bytes.readBigUInt64LE(32));
}

function isJobId(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,31}$/.test(value);
}

function jobOf(id: string, prePowHash: Uint8Array, timestampMs: bigint): ServerLine {
  if (timestampMs === 0n) return violation('job timestamp is zero');
  // No hash is, and the kernel refuses it: its matrix would never come to full rank.
  if (prePowHash.every((byte) => byte === 0)) return violation('job hash is zero');
  const workKey = `${Buffer.from(prePowHash).toString('hex')}:${timestampMs.toString(16)}`;
  return { kind: 'job', job: { id, prePowHash, timestampMs, workKey } };
}

/**
 * Servers send one and the same job line to every client of a dialect, so the last few lines are remembered: a thousand
 * connections of one process parse a job once and share its object.
 */
export class JobLineCache {
  readonly #entries = new Map<string, MinerJob>();

  parse(line: string, profile: ClientProfile): ServerLine {
    const key = profile.jobForm + line;
    const known = this.#entries.get(key);
    if (known) return { kind: 'job', job: known };
    const parsed = parseServerLine(line, profile);
    if (parsed.kind === 'job') {
      // Sixteen: a handful of dialects, each with its newest job or two. The oldest entry is the first of the map.
      if (this.#entries.size >= 16) this.#entries.delete(this.#entries.keys().next().value!);
      this.#entries.set(key, parsed.job);
    }
    return parsed;
  }
}
