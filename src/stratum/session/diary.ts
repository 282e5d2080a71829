/**
 * The diary: of every session the last 20 things that happened to it, with their numbers, so that "why was I refused?" has an answer. One
 * slab for all sessions, of plain numbers, in pages that are made when the first slot of them is used; an accepted share is no entry.
 */
import { VERDICTS } from '../../domain/share.ts';
import type { DifficultyLog2 } from '../../domain/target.ts';

export const DIARY_KINDS = ['login', 'retarget', 'refused', 'jobs_skipped', 'not_read'] as const;
export type DiaryKind = (typeof DIARY_KINDS)[number];

const EVENTS = 20;
const PAGE_SLOTS = 128;
/** Bytes of one session's entries, all fields together. */
export const DIARY_BYTES = EVENTS * 27;
const UNKNOWN = Number.NaN;

/** What is not known is absent. */
export interface DiaryEvent {
  readonly kind: DiaryKind;
  /** Monotonic ms. */
  readonly atMs: number;
  /** Of a refusal: the verdict's name. */
  readonly verdict?: string;
  readonly jobId?: number;
  /** Difficulty that was asked, from now on or of this share, as a power of two. */
  readonly askedLog2?: DifficultyLog2;
  /** What the miner's hash was good for. */
  readonly hashDifficulty?: number;
  /** From the arrival of the job's template to that of the share. */
  readonly jobAgeMs?: number;
}

interface Page {
  readonly kind: Uint8Array;
  readonly verdict: Uint8Array;
  readonly atMs: Float64Array;
  readonly jobId: Uint32Array;
  readonly askedLog2: Int8Array;
  readonly hashDifficulty: Float64Array;
  readonly jobAgeMs: Float32Array;
  /** By slot: how many were ever written; the newest lies behind `written % EVENTS`. */
  readonly written: Uint32Array;
}

function newPage(): Page {
  const events = PAGE_SLOTS * EVENTS;
  return {
    kind: new Uint8Array(events),
    verdict: new Uint8Array(events),
    atMs: new Float64Array(events),
    jobId: new Uint32Array(events),
    askedLog2: new Int8Array(events),
    hashDifficulty: new Float64Array(events),
    jobAgeMs: new Float32Array(events),
    written: new Uint32Array(PAGE_SLOTS),
  };
}

/** Not a power of two that exists. */
const NOT_ASKED = -128;
const NOT_REFUSED = 255;

export class Diary {
  readonly #pages: (Page | undefined)[] = [];

  /** A new connection has the slot. */
  begin(slot: number): void {
    const page = this.#pages[Math.floor(slot / PAGE_SLOTS)];
    if (page !== undefined) page.written[slot % PAGE_SLOTS] = 0;
  }

  login(slot: number, atMs: number, askedLog2: DifficultyLog2): void {
    this.#write(slot, 'login', NOT_REFUSED, atMs, 0, askedLog2, UNKNOWN, UNKNOWN);
  }

  /** @param jobId the first that is asked for so much. */
  retarget(slot: number, atMs: number, jobId: number, askedLog2: DifficultyLog2): void {
    this.#write(slot, 'retarget', NOT_REFUSED, atMs, jobId, askedLog2, UNKNOWN, UNKNOWN);
  }

  /** What is not known is NaN; a job id that is not, 0. */
  refused(
    slot: number,
    atMs: number,
    verdict: number,
    jobId: number,
    askedLog2: DifficultyLog2,
    hashDifficulty: number,
    jobAgeMs: number,
  ): void {
    this.#write(slot, 'refused', verdict, atMs, jobId, askedLog2, hashDifficulty, jobAgeMs);
  }

  /** It does not read what it is sent, or it sends more than is read. */
  stalled(slot: number, atMs: number, kind: 'jobs_skipped' | 'not_read'): void {
    this.#write(slot, kind, NOT_REFUSED, atMs, 0, NOT_ASKED, UNKNOWN, UNKNOWN);
  }

  /** Oldest first. */
  read(slot: number): DiaryEvent[] {
    const page = this.#pages[Math.floor(slot / PAGE_SLOTS)];
    if (page === undefined) return [];
    const place = slot % PAGE_SLOTS;
    const written = page.written[place]!;
    const count = Math.min(written, EVENTS);
    return Array.from({ length: count }, (_, index) =>
      eventAt(page, place * EVENTS + ((written - count + index) % EVENTS)),
    );
  }

  #write(
    slot: number,
    kind: DiaryKind,
    verdict: number,
    atMs: number,
    jobId: number,
    askedLog2: number,
    hashDifficulty: number,
    jobAgeMs: number,
  ): void {
    const number = Math.floor(slot / PAGE_SLOTS);
    const page = (this.#pages[number] ??= newPage());
    const place = slot % PAGE_SLOTS;
    const at = place * EVENTS + (page.written[place]! % EVENTS);
    page.written[place]!++;
    page.kind[at] = DIARY_KINDS.indexOf(kind);
    page.verdict[at] = verdict;
    page.atMs[at] = atMs;
    page.jobId[at] = jobId;
    page.askedLog2[at] = askedLog2;
    page.hashDifficulty[at] = hashDifficulty;
    page.jobAgeMs[at] = jobAgeMs;
  }
}

function eventAt(page: Page, at: number): DiaryEvent {
  const verdict = VERDICTS[page.verdict[at]!]?.name;
  const jobId = page.jobId[at]!;
  const askedLog2 = page.askedLog2[at]!;
  const hashDifficulty = page.hashDifficulty[at]!;
  const jobAgeMs = page.jobAgeMs[at]!;
  return {
    kind: DIARY_KINDS[page.kind[at]!]!,
    atMs: page.atMs[at]!,
    ...(verdict === undefined ? {} : { verdict }),
    ...(jobId === 0 ? {} : { jobId }),
    ...(askedLog2 === NOT_ASKED ? {} : { askedLog2 }),
    ...(Number.isNaN(hashDifficulty) ? {} : { hashDifficulty }),
    ...(Number.isNaN(jobAgeMs) ? {} : { jobAgeMs: Math.round(jobAgeMs) }),
  };
}
