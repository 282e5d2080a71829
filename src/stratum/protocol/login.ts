/**
 * What a miner writes into the two fields of `mining.authorize`: `address.worker[.third]`, and a password that pools use for
 * wishes. Pure; whether an address is one is asked of the chain.
 */
import type { AddressCheck } from '../../chains/chain.ts';
import { DIFFICULTY_LOG2_MAX, type DifficultyLog2, difficultyLog2Of } from '../../domain/target.ts';
import { DIALECTS, type Dialect, isDialectName } from './dialects.ts';

/** The name of a rig that gave none, so that each share has one. */
export const WORKER_UNNAMED = 'default';
/** Longest user agent on record: it is shown to people. */
const USER_AGENT_LENGTH_MAX = 64;

export type Login =
  | { readonly ok: true; readonly address: string; readonly worker: string }
  | { readonly ok: false; readonly reason: string };

/** Mining OS templates glue things to the address: `kaspa:qz…,Rig_1234`. */
const SEPARATORS = /[\s,;/|]+/;

export function parseLogin(
  login: string,
  checkAddress: (text: string) => AddressCheck,
  workerNameLengthMax: number,
): Login {
  // No Kaspa address holds a dot. The third part is another chain's address for merged mining; it means nothing here.
  const [head = '', worker = ''] = login.trim().split('.');
  const [address = '', glued = ''] = head.split(SEPARATORS);
  let check = checkAddress(address);
  // Junk in front of the address is the chain's business: it knows what its addresses look like.
  if (!check.ok && head !== address) check = checkAddress(head);
  if (!check.ok) return check;
  return { ok: true, address: check.address, worker: cleanWorker(worker || glued, workerNameLengthMax) };
}

/** Worker names are data that people read on pages and in URLs: letters, digits, `.`, `_` and `-` stay. */
export function cleanWorker(name: string, lengthMax: number): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '').slice(0, lengthMax) || WORKER_UNNAMED;
}

export function cleanUserAgent(value: unknown): string {
  if (typeof value !== 'string') return '';
  return value
    .replace(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, USER_AGENT_LENGTH_MAX);
}

export interface Wishes {
  /** A power of two, not yet clamped to the port's bounds. */
  readonly difficultyLog2: DifficultyLog2 | undefined;
  readonly dialect: Dialect | undefined;
}

/** As many digits as the least difficulty has that we print. */
const PLAIN_NUMBER = /^\d{1,20}(?:\.\d{1,40})?$/;

/** `d=4096`, `diff=4096`, `s=asic-hex`, among anything else, separated by `,`, `;` or blanks. The last of a kind wins. */
export function parsePassword(password: unknown): Wishes {
  let difficultyLog2: DifficultyLog2 | undefined;
  let dialect: Dialect | undefined;
  if (typeof password !== 'string') return { difficultyLog2, dialect };
  for (const part of password.split(/[\s,;]+/)) {
    const [key = '', value = ''] = part.split('=');
    switch (key.toLowerCase()) {
      case 'd':
      case 'diff':
        if (PLAIN_NUMBER.test(value)) difficultyLog2 = difficultyLog2Of(Number(value)) ?? difficultyLog2;
        break;
      case 's':
        if (isDialectName(value)) dialect = DIALECTS[value];
        break;
    }
  }
  return { difficultyLog2, dialect };
}

export function clampDifficulty(
  wish: DifficultyLog2,
  min: DifficultyLog2,
  max: DifficultyLog2,
): DifficultyLog2 {
  return Math.max(min, Math.min(max, wish, DIFFICULTY_LOG2_MAX));
}
