/**
 * The jobs of this process. In flow templates, out flow job numbers; the ring never answers for a job id that it does not
 * hold: a slot is `id % slots` AND the id that stands in it, since bridges that skip the comparison take an old id for a
 * newer job.
 *
 * A job is *live* while a node stands behind its template and for `jobLifeMs` after that; *stale* as long as its slot is
 * its own (a block found on it is still worth sending); *unknown* otherwise.
 */
import { JOB_ID_MAX, type JobState, type Template, workIdentity } from '../domain/job.ts';
import { targetToLeBytes } from '../domain/target.ts';
import {
  TEMPLATE_BYTES,
  TEMPLATE_OFFSET_PRE_POW,
  TEMPLATE_OFFSET_SEQUENCE,
  TEMPLATE_OFFSET_TARGET,
  TEMPLATE_OFFSET_TIMESTAMP,
} from '../domain/template-layout.ts';

export interface JobRegistryOptions {
  readonly slots: number;
  readonly jobLifeMs: number;
  /** Ids of one boot begin where time stands, so an id from before a restart is unknown rather than somebody else's job. */
  readonly firstJobId: number;
  /** A new job stands in this slot; what an earlier one kept there is over. */
  readonly onRegister: (slot: number, jobId: number, template: Template) => void;
  /** The slot's job is forgotten. */
  readonly onRetire: (slot: number, jobId: number) => void;
}

export class JobRegistry {
  /** Shared with the validator threads: one prepared template to a slot, see `domain/template-layout`. */
  readonly templateMemory: Uint8Array;
  readonly #options: JobRegistryOptions;
  readonly #jobIds: Uint32Array;
  readonly #freshAtMs: Float64Array;
  readonly #templates: (Template | undefined)[];
  readonly #byIdentity = new Map<string, number>();
  #nextJobId: number;

  constructor(options: JobRegistryOptions) {
    this.#options = options;
    this.templateMemory = new Uint8Array(new SharedArrayBuffer(options.slots * TEMPLATE_BYTES));
    this.#jobIds = new Uint32Array(options.slots);
    this.#freshAtMs = new Float64Array(options.slots);
    this.#templates = new Array<Template | undefined>(options.slots);
    this.#nextJobId = wrapJobId(options.firstJobId);
  }

  /**
   * The job of a template, made when there is none. The same work never gets a second id: a node that repeats itself would
   * otherwise open the same nonces for payment again.
   */
  jobOf(template: Template, nowMs: number): number {
    const identity = workIdentity(template.prePowHash, template.timestampMs);
    const known = this.#byIdentity.get(identity);
    if (known !== undefined) {
      this.#freshAtMs[known % this.#options.slots] = nowMs;
      return known;
    }
    const jobId = this.#nextJobId;
    this.#nextJobId = wrapJobId(jobId + 1);
    const slot = jobId % this.#options.slots;
    this.#retire(slot);
    this.#jobIds[slot] = jobId;
    this.#freshAtMs[slot] = nowMs;
    this.#templates[slot] = template;
    this.#byIdentity.set(identity, jobId);
    this.#share(slot, jobId, template);
    this.#options.onRegister(slot, jobId, template);
    return jobId;
  }

  /** A node still stands behind this job. */
  refresh(jobId: number, nowMs: number): void {
    const slot = this.slotOf(jobId);
    if (slot >= 0) this.#freshAtMs[slot] = nowMs;
  }

  /** The job's slot, or -1 when the ring does not hold exactly this id. */
  slotOf(jobId: number): number {
    const slot = jobId % this.#options.slots;
    return jobId > 0 && this.#jobIds[slot] === jobId ? slot : -1;
  }

  /** For a slot that `slotOf` gave. */
  isStale(slot: number, nowMs: number): boolean {
    return nowMs - this.#freshAtMs[slot]! > this.#options.jobLifeMs;
  }

  stateOf(jobId: number, nowMs: number): JobState {
    const slot = this.slotOf(jobId);
    if (slot < 0) return 'unknown';
    return this.isStale(slot, nowMs) ? 'stale' : 'live';
  }

  templateOf(jobId: number): Template | undefined {
    const slot = this.slotOf(jobId);
    return slot < 0 ? undefined : this.#templates[slot];
  }

  #retire(slot: number): void {
    const old = this.#templates[slot];
    if (!old) return;
    this.#byIdentity.delete(workIdentity(old.prePowHash, old.timestampMs));
    this.#options.onRetire(slot, this.#jobIds[slot]!);
    this.#templates[slot] = undefined;
  }

  /** Sequence zero first and the number last: a thread that reads in between finds no template rather than half of one. */
  #share(slot: number, jobId: number, template: Template): void {
    const base = slot * TEMPLATE_BYTES;
    const memory = this.templateMemory;
    const words = new Int32Array(memory.buffer, base + TEMPLATE_OFFSET_SEQUENCE, 1);
    Atomics.store(words, 0, 0);
    const view = new DataView(memory.buffer, base, TEMPLATE_BYTES);
    view.setBigUint64(TEMPLATE_OFFSET_TIMESTAMP, template.timestampMs, true);
    memory.set(template.prePowHash, base + TEMPLATE_OFFSET_PRE_POW);
    memory.set(targetToLeBytes(template.networkTarget), base + TEMPLATE_OFFSET_TARGET);
    Atomics.store(words, 0, jobId);
  }
}

function wrapJobId(jobId: number): number {
  return ((jobId - 1) % JOB_ID_MAX) + 1;
}
