/**
 * The client's side of the truth: every share that was sent and every `true` that came back, as the miners logged them. Read a
 * piece at a time while the log grows: the log of 200 rounds is larger than a string may be.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type { SubmissionEvent } from '../../src/miner/miner.ts';

const PIECE_BYTES = 1 << 20;

/**
 * What a share is, whoever tells of it: the work and the nonce. Works get small numbers, since a million keys of a hundred
 * letters would not fit.
 */
export class ShareKeys {
  readonly #works = new Map<string, number>();

  keyOf(prePowHash: string, timestampMs: string, nonceHex: string): string {
    const work = `${prePowHash}:${timestampMs}`;
    let index = this.#works.get(work);
    if (index === undefined) {
      index = this.#works.size;
      this.#works.set(work, index);
    }
    return `${index}:${nonceHex}`;
  }
}

export class ClientTruth {
  /** Share → who sent it, `address.worker`. */
  readonly sent = new Map<string, string>();
  readonly acknowledged = new Set<string>();
  /** Acknowledged since the last `takeFresh`. */
  #fresh: string[] = [];
  /** Shares that were answered `true` twice: credited twice, as far as their miner knows. */
  readonly acknowledgedTwice: string[] = [];
  readonly #path: string;
  readonly #keys: ShareKeys;
  #offset = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string, keys: ShareKeys) {
    this.#path = path;
    this.#keys = keys;
  }

  /** Reads on to the log's present end. */
  catchUp(): void {
    const file = openSync(this.#path, 'r');
    try {
      const piece = Buffer.alloc(PIECE_BYTES);
      for (;;) {
        const bytes = readSync(file, piece, 0, PIECE_BYTES, this.#offset);
        if (bytes === 0) return;
        this.#offset += bytes;
        this.#take(Buffer.concat([this.#rest, piece.subarray(0, bytes)]));
      }
    } finally {
      closeSync(file);
    }
  }

  takeFresh(): string[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  #take(bytes: Buffer): void {
    const end = bytes.lastIndexOf(0x0a) + 1;
    this.#rest = bytes.subarray(end);
    for (const line of bytes.toString('utf8', 0, end).split('\n')) {
      if (line !== '') this.#event(JSON.parse(line) as SubmissionEvent);
    }
  }

  #event(event: SubmissionEvent): void {
    const key = this.#keys.keyOf(event.prePowHash, event.timestampMs, event.nonce);
    if (event.event === 'sent') {
      this.sent.set(key, event.login);
      return;
    }
    if (this.acknowledged.has(key)) this.acknowledgedTwice.push(key);
    this.acknowledged.add(key);
    this.#fresh.push(key);
  }
}
