/**
 * What a verdict causes. In flow judged records, out flow answers, journal records and block candidates. It must never answer
 * `true` before the journal says that the share is on disk, and never let anything run before a block has left for the nodes.
 *
 *   low | stale | fault ------------------------------------------------> answered now
 *   share --> journal --(fdatasync returned 0)--------------------------> answered `true`, counted
 *   block --> reference proof of work --> nodes, at once
 *                                    \--> journal --> answered `true`, counted
 */
import type { Candidate } from '../chains/chain.ts';
import type { HashrateWindow } from '../domain/hashrate.ts';
import type { Template } from '../domain/job.ts';
import { POT_DEFAULT, potOf, withPot } from '../domain/pot.ts';
import { isAccepted, VERDICT_UNPREPARED, Verdict } from '../domain/share.ts';
import { difficultyLog2Of, difficultyNumber, difficultyOfTarget, shareTargetLog2 } from '../domain/target.ts';
import type { Journal, JournalListener } from '../journal/journal.ts';
import type { Logger } from '../kit/log.ts';
import type { StageLatencies } from '../live/stage-latencies.ts';
import type { JobRegistry } from '../templates/job-registry.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_FLAGS,
  OFFSET_NONCE,
  OFFSET_POW_TOP,
  OFFSET_RECEIVED_AT,
  OFFSET_REQUEST_ID,
  OFFSET_REQUEST_ID_KIND,
  OFFSET_SESSION_GENERATION,
  OFFSET_SESSION_SLOT,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_VERDICT,
  OFFSET_WORKER_REF,
  PORTS_MAX,
  RECORD_BYTES,
  RECORD_FLAG_STALE,
  RECORD_PORT_SHIFT,
} from './batch-layout.ts';
import type { ReplySink } from './intake.ts';
import type { JobRescue } from './job-rescue.ts';
import { PendingReplies } from './pending-replies.ts';
import type { ValidationMetrics } from './validation-metrics.ts';

export interface FoundBlock {
  readonly candidate: Candidate;
  readonly workerRef: number;
  readonly jobId: number;
  readonly pot: number;
  readonly foundAtUnixMs: number;
  /** Monotonic ms: when the miner's submission was taken in. */
  readonly receivedAtMs: number;
}

export interface VerdictsOptions {
  readonly registry: JobRegistry;
  readonly journal: Journal;
  /** The pot of each port, by its index; ports that are not listed are of the default one. */
  readonly pots?: readonly number[];
  readonly replies: ReplySink;
  /** Is told of nonces that were not credited. */
  readonly duplicates: {
    refused(jobSlot: number, nonceLow: number, nonceHigh: number, verdict: number): void;
  };
  readonly metrics: ValidationMetrics;
  readonly hashrate: HashrateWindow;
  readonly log: Logger;
  /** Monotonic ms and unix ms. */
  readonly clock: () => number;
  readonly wallClock: () => number;
  /** The chain's own word on a candidate; undefined when its reference proof of work disagrees. */
  readonly confirmCandidate: (template: Template, nonce: bigint) => Candidate | undefined;
  /** Sends the block to the nodes and starts its bookkeeping. Must not block and must not throw. */
  readonly onBlock: (block: FoundBlock) => void;
  /** Answers left. */
  readonly onReleased: () => void;
  /** Undefined: a share that names the wrong job is refused. */
  readonly rescue: JobRescue | undefined;
  /** Answers that can wait for the journal: as many as its ring holds records. */
  readonly pendingMax: number;
  readonly stages: StageLatencies;
}

export class Verdicts implements JournalListener {
  readonly #options: VerdictsOptions;
  readonly #pending: PendingReplies;
  /** What the journal writes for each port: made once, so that a share costs a look-up. */
  readonly #portAndPot: Uint16Array;

  constructor(options: VerdictsOptions) {
    this.#options = options;
    this.#pending = new PendingReplies(options.pendingMax);
    this.#portAndPot = Uint16Array.from({ length: PORTS_MAX }, (_, port) =>
      withPot(port, options.pots?.[port] ?? POT_DEFAULT),
    );
  }

  /** Accepted shares that wait for the disk. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Monotonic ms of the oldest share that waits for the disk; Infinity when none does. Looks at all of them. */
  get oldestReceivedAtMs(): number {
    return this.#pending.oldestReceivedAtMs;
  }

  /** Room for another batch's answers. */
  get saturated(): boolean {
    return this.#pending.size * 2 > this.#options.pendingMax;
  }

  settle(records: Uint8Array, count: number): void {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    const nowMs = this.#options.clock();
    const unixMs = this.#options.wallClock();
    for (let index = 0; index < count; index++) {
      const at = index * RECORD_BYTES;
      let judged = view.getUint8(at + OFFSET_VERDICT);
      // Before anything of the record is looked at: it may become one of another job.
      if (judged === Verdict.LowDifficulty && this.#options.rescue !== undefined)
        judged = this.#options.rescue.judgeElsewhere(records, at, nowMs);
      const stale = (view.getUint8(at + OFFSET_FLAGS) & RECORD_FLAG_STALE) !== 0;
      let verdict = judged;
      let difficulty = view.getInt8(at + OFFSET_DIFFICULTY_LOG2);
      if (judged === VERDICT_UNPREPARED) verdict = Verdict.StaleJob;
      else if (judged === Verdict.Block) {
        const block = this.#block(view, at, difficulty, stale, unixMs);
        verdict = block.verdict;
        difficulty = block.difficulty;
      } else if (stale && judged !== Verdict.EngineFault && judged !== Verdict.Duplicate)
        verdict = Verdict.StaleJob;
      if (isAccepted(verdict)) verdict = this.#append(records, view, at, verdict, difficulty, nowMs, unixMs);
      if (isAccepted(verdict)) continue;
      // A block is gone to the nodes, whatever became of its share, and must not go there twice.
      if (judged !== Verdict.Block) this.#refused(view, at, verdict);
      this.#answer(view, at, verdict, difficulty);
    }
    this.#options.journal.flush();
    this.#options.replies.flush();
  }

  onDurable(sequence: number): void {
    const nowMs = this.#options.clock();
    const unixMs = this.#options.wallClock();
    const pending = this.#pending;
    const { replies, metrics, hashrate, stages } = this.#options;
    const before = pending.size;
    // Those of one batch lie behind each other and have waited equally long.
    let sinceMs = 0;
    let together = 0;
    while (pending.size > 0 && pending.headSequence <= sequence) {
      const head = pending.head;
      if (pending.appendedAtMs[head] !== sinceMs) {
        if (together > 0) stages.journal.record(nowMs - sinceMs, together);
        sinceMs = pending.appendedAtMs[head]!;
        together = 0;
      }
      together++;
      const difficulty = pending.difficulty[head]!;
      metrics.verdicts.inc(pending.verdict[head]!);
      metrics.creditedDifficulty.inc(difficultyNumber(difficulty));
      hashrate.add(difficultyNumber(difficulty), unixMs);
      metrics.submitToAnswer.observe((nowMs - pending.receivedAtMs[head]!) / 1000);
      replies.reply(
        pending.sessionSlot[head]!,
        pending.sessionGeneration[head]!,
        pending.requestIdKind[head]!,
        pending.requestId[head]!,
        pending.verdict[head]!,
        difficulty,
      );
      pending.pop();
    }
    replies.flush();
    if (together > 0) {
      stages.journal.record(nowMs - sinceMs, together);
      stages.reply.record(this.#options.clock() - nowMs, before - pending.size);
    }
    this.#options.onReleased();
  }

  /** Nothing above `durableSequence` reached the disk: those miners are told so, and may send the share again. */
  onFailure(durableSequence: number, reason: string): void {
    this.onDurable(durableSequence);
    const refused = this.#pending.size;
    const pending = this.#pending;
    const { duplicates, registry, replies, metrics } = this.#options;
    while (pending.size > 0) {
      const head = pending.head;
      const jobSlot = registry.slotOf(pending.jobId[head]!);
      if (jobSlot >= 0 && pending.verdict[head] !== Verdict.Block)
        duplicates.refused(jobSlot, pending.nonceLow[head]!, pending.nonceHigh[head]!, Verdict.Unavailable);
      metrics.verdicts.inc(Verdict.Unavailable);
      replies.explain(
        pending.sessionSlot[head]!,
        pending.sessionGeneration[head]!,
        Verdict.Unavailable,
        pending.jobId[head]!,
        pending.difficulty[head]!,
        Number.NaN,
        Number.NaN,
      );
      replies.reply(
        pending.sessionSlot[head]!,
        pending.sessionGeneration[head]!,
        pending.requestIdKind[head]!,
        pending.requestId[head]!,
        Verdict.Unavailable,
        pending.difficulty[head]!,
      );
      pending.pop();
    }
    this.#options.replies.flush();
    this.#options.onReleased();
    this.#options.log.error({ reason, refused }, 'journal failed: shares are refused until it is back');
  }

  onRecovered(): void {
    this.#options.log.warn('journal is back: shares are accepted again');
  }

  /** Unless the job's slot has gone to another job, and the set with it. */
  #refused(view: DataView, at: number, verdict: number): void {
    const jobSlot = this.#options.registry.slotOf(view.getUint32(at + OFFSET_TEMPLATE_SEQUENCE, true));
    if (jobSlot < 0) return;
    const nonceLow = view.getUint32(at + OFFSET_NONCE, true);
    const nonceHigh = view.getUint32(at + OFFSET_NONCE + 4, true);
    this.#options.duplicates.refused(jobSlot, nonceLow, nonceHigh, verdict);
  }

  /** Returns what became of it: its verdict, to be answered when durable, or `Unavailable`. */
  #append(
    records: Uint8Array,
    view: DataView,
    at: number,
    verdict: number,
    difficulty: number,
    nowMs: number,
    unixMs: number,
  ): number {
    const slot = view.getUint32(at + OFFSET_SESSION_SLOT, true);
    const generation = view.getUint32(at + OFFSET_SESSION_GENERATION, true);
    const receivedAtMs = view.getFloat64(at + OFFSET_RECEIVED_AT, true);
    const nonceLow = view.getUint32(at + OFFSET_NONCE, true);
    const nonceHigh = view.getUint32(at + OFFSET_NONCE + 4, true);
    const jobId = view.getUint32(at + OFFSET_TEMPLATE_SEQUENCE, true);
    const sequence = this.#options.journal.appendShare(
      verdict,
      difficulty,
      nonceLow,
      nonceHigh,
      // The monotonic age taken from the wall clock once a batch: a share's time is when it came, not when it was judged.
      Math.round(unixMs - (nowMs - receivedAtMs)),
      view.getUint32(at + OFFSET_WORKER_REF, true),
      jobId,
      // The extranonce is the nonce's top two bytes.
      view.getUint16(at + OFFSET_NONCE + 6, true),
      this.#portAndPot[view.getUint8(at + OFFSET_FLAGS) >> RECORD_PORT_SHIFT]!,
      records,
      at + OFFSET_POW_TOP,
    );
    if (sequence === 0) return Verdict.Unavailable;
    this.#pending.push(
      sequence,
      slot,
      generation,
      view.getUint8(at + OFFSET_REQUEST_ID_KIND),
      view.getFloat64(at + OFFSET_REQUEST_ID, true),
      verdict,
      difficulty,
      receivedAtMs,
      jobId,
      nonceLow,
      nonceHigh,
      nowMs,
    );
    return verdict;
  }

  #answer(view: DataView, at: number, verdict: number, difficulty: number): void {
    this.#options.metrics.verdicts.inc(verdict);
    this.#explain(view, at, verdict, difficulty);
    this.#options.replies.reply(
      view.getUint32(at + OFFSET_SESSION_SLOT, true),
      view.getUint32(at + OFFSET_SESSION_GENERATION, true),
      view.getUint8(at + OFFSET_REQUEST_ID_KIND),
      view.getFloat64(at + OFFSET_REQUEST_ID, true),
      verdict,
      difficulty,
    );
  }

  #explain(view: DataView, at: number, verdict: number, difficulty: number): void {
    const jobId = view.getUint32(at + OFFSET_TEMPLATE_SEQUENCE, true);
    const cameAtMs = this.#options.registry.templateOf(jobId)?.receivedAtMs ?? Number.NaN;
    // A fault of the engine is no hash.
    const isHash = verdict === Verdict.LowDifficulty || verdict === Verdict.StaleJob;
    this.#options.replies.explain(
      view.getUint32(at + OFFSET_SESSION_SLOT, true),
      view.getUint32(at + OFFSET_SESSION_GENERATION, true),
      verdict,
      jobId,
      difficulty,
      isHash ? hashDifficulty(view, at) : Number.NaN,
      view.getFloat64(at + OFFSET_RECEIVED_AT, true) - cameAtMs,
    );
  }

  /**
   * A hash under the network target. It leaves for the nodes here, before anything else happens to its record; a stale job
   * makes no difference to that, on a DAG an older block can still be merged.
   */
  #block(
    view: DataView,
    at: number,
    difficulty: number,
    stale: boolean,
    unixMs: number,
  ): { verdict: Verdict; difficulty: number } {
    const jobId = view.getUint32(at + OFFSET_TEMPLATE_SEQUENCE, true);
    const nonce = view.getBigUint64(at + OFFSET_NONCE, true);
    const template = this.#options.registry.templateOf(jobId);
    const candidate = template && this.#options.confirmCandidate(template, nonce);
    if (!template || !candidate) {
      this.#options.metrics.kernelDisagreements.inc();
      this.#options.log.fatal(
        { jobId, nonce: nonce.toString(16) },
        'kernel and reference proof of work disagree',
      );
      return { verdict: Verdict.EngineFault, difficulty };
    }
    const workerRef = view.getUint32(at + OFFSET_WORKER_REF, true);
    const pot = potOf(this.#portAndPot[view.getUint8(at + OFFSET_FLAGS) >> RECORD_PORT_SHIFT]!);
    const receivedAtMs = view.getFloat64(at + OFFSET_RECEIVED_AT, true);
    this.#options.onBlock({ candidate, workerRef, jobId, pot, foundAtUnixMs: unixMs, receivedAtMs });
    this.#options.metrics.blocksFound.inc();
    this.#options.journal.appendBlock({
      blockHash: Buffer.from(candidate.blockHash, 'hex'),
      nonce,
      foundAtUnixMs: unixMs,
      workerRef,
      jobId,
      difficultyLog2: difficulty,
      pot,
      daaScore: template.daaScore,
      blueScore: template.blueScore,
      bits: template.bits,
    });
    if (meetsShareTarget(view, at, difficulty)) return { verdict: Verdict.Block, difficulty };
    if (stale) return { verdict: Verdict.StaleJob, difficulty };
    // On a network easier than the port's difficulty a block need not be a share. It is credited for the target that it
    // was checked against and did meet, the network's, never for the port's.
    const credited = difficultyLog2Of(difficultyOfTarget(template.networkTarget)) ?? difficulty;
    return { verdict: Verdict.Block, difficulty: Math.min(difficulty, credited) };
  }
}

/** 2^224 / pow, from the upper 128 bits of pow: for people. */
function hashDifficulty(view: DataView, at: number): number {
  const high = Number(view.getBigUint64(at + OFFSET_POW_TOP, true));
  const low = Number(view.getBigUint64(at + OFFSET_POW_TOP + 8, true));
  const pow = high + low / 2 ** 64;
  // Nothing was hashed.
  return pow === 0 ? Number.NaN : 2 ** 32 / pow;
}

/** pow <= 2^(224-d) from the upper 128 bits of pow; shares of difficulty 2^62 still leave 34 bits to compare. */
function meetsShareTarget(view: DataView, at: number, difficulty: number): boolean {
  const high = view.getBigUint64(at + OFFSET_POW_TOP, true);
  const low = view.getBigUint64(at + OFFSET_POW_TOP + 8, true);
  const top = (high << 64n) | low;
  return top < 1n << BigInt(shareTargetLog2(difficulty) - 128);
}
