/**
 * Answers to submissions that have not been written yet, as numbers: one list per session, all in one slab. Between a verdict and
 * its socket an answer is a request id and a verdict; the bytes are made where they are written. As strings they cost a share half
 * a microsecond and were most of the garbage that it left.
 */
import { VERDICT_TAIL_BYTES } from '../protocol/messages.ts';

/** No answer. */
export const NO_ANSWER = -1;
/** Larger ids are answered as text. */
export const ANSWER_ID_MAX = 0xffff_ffff;

const HEAD = Uint8Array.from('{"id":', (letter) => letter.charCodeAt(0));
const DIGIT_0 = 0x30;
const DIGITS_MAX = 10;
const LONGEST_TAIL = Math.max(...VERDICT_TAIL_BYTES.map((tail) => tail.length));
/** No answer has more bytes. */
export const ANSWER_BYTES_MAX = HEAD.length + DIGITS_MAX + LONGEST_TAIL;
const INITIAL_ANSWERS = 1_024;

export class Answers {
  #next = new Int32Array(INITIAL_ANSWERS);
  #ids = new Uint32Array(INITIAL_ANSWERS);
  #verdicts = new Uint8Array(INITIAL_ANSWERS);
  #free = NO_ANSWER;
  #used = 0;

  /** Puts an answer behind `last` (NO_ANSWER: it is the first) and returns its index. */
  add(last: number, id: number, verdict: number): number {
    let index = this.#free;
    if (index === NO_ANSWER) {
      if (this.#used === this.#ids.length) this.#grow();
      index = this.#used++;
    } else this.#free = this.#next[index]!;
    this.#ids[index] = id;
    this.#verdicts[index] = verdict;
    this.#next[index] = NO_ANSWER;
    if (last !== NO_ANSWER) this.#next[last] = index;
    return index;
  }

  /** Writes the answer at `at`, which must have ANSWER_BYTES_MAX of room, and returns where it ends. */
  write(index: number, bytes: Uint8Array, at: number): number {
    let to = at;
    for (let i = 0; i < HEAD.length; i++) bytes[to++] = HEAD[i]!;
    to = writeDigits(this.#ids[index]!, bytes, to);
    const tail = VERDICT_TAIL_BYTES[this.#verdicts[index]!]!;
    for (let i = 0; i < tail.length; i++) bytes[to++] = tail[i]!;
    return to;
  }

  /** Gives the answer back and returns the one behind it. */
  take(index: number): number {
    const next = this.#next[index]!;
    this.#next[index] = this.#free;
    this.#free = index;
    return next;
  }

  /** Gives a whole list back. */
  drop(first: number): void {
    for (let index = first; index !== NO_ANSWER; ) index = this.take(index);
  }

  #grow(): void {
    const next = new Int32Array(this.#next.length * 2);
    const ids = new Uint32Array(this.#ids.length * 2);
    const verdicts = new Uint8Array(this.#verdicts.length * 2);
    next.set(this.#next);
    ids.set(this.#ids);
    verdicts.set(this.#verdicts);
    this.#next = next;
    this.#ids = ids;
    this.#verdicts = verdicts;
  }
}

/** An integer up to ANSWER_ID_MAX in decimal. */
function writeDigits(value: number, bytes: Uint8Array, at: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  const end = at + digits;
  let rest = value;
  for (let to = end - 1; to >= at; to--) {
    const tenth = Math.floor(rest / 10);
    bytes[to] = DIGIT_0 + rest - tenth * 10;
    rest = tenth;
  }
  return end;
}
