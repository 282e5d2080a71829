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

/** `{"id":` as a word and half of one. */
const HEAD_WORD = 0x6469_227b;
const HEAD_REST = 0x3a22;
const HEAD_BYTES = 6;
const WORD_BYTES = 4;
const DIGIT_0 = 0x30;
const DIGITS_MAX = 10;
/** What follows the id, by verdict, filled up with zeros to whole words: what is laid down next covers them, or nothing is sent of them. */
const TAILS: readonly Int32Array[] = VERDICT_TAIL_BYTES.map((tail) => {
  const bytes = new Uint8Array(Math.ceil(tail.length / WORD_BYTES) * WORD_BYTES);
  bytes.set(tail);
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length: bytes.length / WORD_BYTES }, (_, word) =>
    view.getInt32(word * WORD_BYTES, true),
  );
});
const LONGEST_TAIL = Math.max(...TAILS.map((tail) => tail.length * WORD_BYTES));
/** No answer has more bytes, those filled up included. */
export const ANSWER_BYTES_MAX = HEAD_BYTES + DIGITS_MAX + LONGEST_TAIL;
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
  write(index: number, view: DataView, at: number): number {
    view.setInt32(at, HEAD_WORD, true);
    view.setInt16(at + WORD_BYTES, HEAD_REST, true);
    const verdict = this.#verdicts[index]!;
    const from = writeDigits(this.#ids[index]!, view, at + HEAD_BYTES);
    const tail = TAILS[verdict]!;
    for (let word = 0; word < tail.length; word++) view.setInt32(from + word * WORD_BYTES, tail[word]!, true);
    return from + VERDICT_TAIL_BYTES[verdict]!.length;
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
function writeDigits(value: number, view: DataView, at: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  const end = at + digits;
  let rest = value >>> 0;
  for (let to = end - 1; to >= at; to--) {
    // Unsigned, so that the division is one of integers.
    const tenth = (rest / 10) >>> 0;
    view.setUint8(to, DIGIT_0 + rest - tenth * 10);
    rest = tenth;
  }
  return end;
}
