/** The last snapshot as it goes out: made into bytes once, however many ask for it. */
import { hash } from 'node:crypto';
import type { PoolSnapshot } from '../live/pool-snapshot.ts';

export interface PublishedSnapshot {
  readonly snapshot: PoolSnapshot;
  readonly json: string;
  readonly etag: string;
  readonly receivedAtMs: number;
}

export function publish(snapshot: PoolSnapshot, receivedAtMs: number): PublishedSnapshot {
  const json = JSON.stringify(snapshot);
  return { snapshot, json, etag: etagOf(json), receivedAtMs };
}

/** 128 bits of sha256: an accident is out of the question, and nobody gains by making one. */
export function etagOf(content: string | Uint8Array): string {
  return `"${hash('sha256', content, 'base64url').slice(0, 22)}"`;
}

/** Of the header if-none-match, which compares weakly: W/"x" is "x". `*` is whatever there is. */
export function isKnown(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((tag) => {
    const plain = tag.trim().replace(/^W\//, '');
    return plain === etag || plain === '*';
  });
}
