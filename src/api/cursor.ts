/**
 * Cursors of lists: the key of the last row, as an opaque text. Pure. In: a kind of list and its key. Out: base64url, and back again.
 * Who makes one up gets a page of the same list, or `CursorInvalid`: nothing of it reaches the database unchecked.
 */
import { CursorInvalid } from './pool-reads.ts';

/** What the parts of a key look like; a number that PostgreSQL would refuse must not pass. */
const KEYS = {
  block: /^(\d{1,16}) (\d{1,18})$/,
  id: /^(\d{1,18})$/,
  address: /^([a-z]{5,9}:[a-z0-9]{61,63})$/,
  place: /^(\d{1,7})$/,
} as const;
export type CursorKind = keyof typeof KEYS;

export function cursorOf(kind: CursorKind, key: readonly string[] | undefined): string | null {
  return key ? Buffer.from(`${kind} ${key.join(' ')}`).toString('base64url') : null;
}

/** @throws CursorInvalid */
export function keyOfCursor(kind: CursorKind, cursor: string | undefined): readonly string[] | undefined {
  if (cursor === undefined) return undefined;
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const key = text.startsWith(`${kind} `) ? KEYS[kind].exec(text.slice(kind.length + 1)) : null;
  if (!key) throw new CursorInvalid('no cursor of this list');
  return key.slice(1);
}
