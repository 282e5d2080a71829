import type { Candidate } from '../../../src/chains/chain.ts';
import { HashrateWindow } from '../../../src/domain/hashrate.ts';
import { type Template, workIdentity } from '../../../src/domain/job.ts';
import { Verdict } from '../../../src/domain/share.ts';
import { DIFFICULTY_FORGOTTEN } from '../../../src/domain/target.ts';
import { silentLogger } from '../../../src/kit/log.ts';
import { createRegistry } from '../../../src/kit/metrics.ts';
import { StageLatencies } from '../../../src/live/stage-latencies.ts';
import { JobRegistry } from '../../../src/templates/job-registry.ts';
import { BatchArena } from '../../../src/validation/batch-arena.ts';
import {
  OFFSET_NONCE,
  OFFSET_POW_TOP,
  OFFSET_VERDICT,
  RECORD_BYTES,
} from '../../../src/validation/batch-layout.ts';
import { Batcher } from '../../../src/validation/batcher.ts';
import { Intake, JobDuplicates } from '../../../src/validation/share-intake.ts';
import { ValidationMetrics } from '../../../src/validation/validation-metrics.ts';
import { type FoundBlock, Verdicts } from '../../../src/validation/verdicts.ts';
import { ScriptedJournal } from '../../kit/scripted-journal.ts';

const SLOTS = 16;

/** Intake, batcher and verdicts tied as the engine ties them, with a judge that a test scripts per nonce. */
export class SharePathRig {
  nowMs = 1000;
  readonly journal = new ScriptedJournal();
  readonly replies: { requestId: number; verdict: number; difficulty: number }[] = [];
  readonly explanations: object[] = [];
  readonly blocks: FoundBlock[] = [];
  readonly verdictOf = new Map<bigint, number>();
  readonly powTopOf = new Map<bigint, bigint>();
  relieved = 0;
  candidate: (template: Template, nonce: bigint) => Candidate | undefined = (template, nonce) => ({
    template,
    nonce,
    blockHash: nonce.toString(16).padStart(64, '0'),
  });
  readonly duplicates: JobDuplicates;
  readonly jobs: JobRegistry;
  readonly metrics = new ValidationMetrics(createRegistry());
  readonly stages = new StageLatencies();
  readonly verdicts: Verdicts;
  readonly batcher: Batcher;
  readonly intake: Intake;
  #turns: (() => void)[] = [];

  constructor(seen: ReadonlyMap<string, BigUint64Array> = new Map(), arenaSlots = 8, recordsPerBatch = 4) {
    this.duplicates = new JobDuplicates(SLOTS, 1000, seen);
    this.jobs = new JobRegistry({
      slots: SLOTS,
      jobLifeMs: 100,
      firstJobId: 1,
      onRegister: (slot, _jobId, template) =>
        this.duplicates.open(slot, workIdentity(template.prePowHash, template.timestampMs)),
      onRetire: () => {},
    });
    const arena = new BatchArena(arenaSlots, recordsPerBatch);
    const judge = (records: Uint8Array, count: number) => this.#judge(records, count);
    this.verdicts = new Verdicts({
      registry: this.jobs,
      duplicates: this.duplicates,
      journal: this.journal,
      pots: [1, 3],
      replies: {
        explain: (_slot, _generation, verdict, jobId, asked, hashDifficulty, jobAgeMs) =>
          this.explanations.push({ verdict, jobId, asked, hashDifficulty, jobAgeMs }),
        reply: (_slot, _generation, _kind, requestId, verdict, difficulty) =>
          this.replies.push({ requestId, verdict, difficulty }),
        rescueDifficulty: () => DIFFICULTY_FORGOTTEN,
        flush: () => {},
        onRelieved: () => this.relieved++,
      },
      metrics: this.metrics,
      hashrate: new HashrateWindow(60, 0),
      log: silentLogger,
      clock: () => this.nowMs,
      wallClock: () => this.nowMs + 1_700_000_000_000,
      confirmCandidate: (template, nonce) => this.candidate(template, nonce),
      onBlock: (block) => this.blocks.push(block),
      onReleased: () => this.intake.checkRelief(),
      pendingMax: 64,
      rescue: undefined,
      stages: this.stages,
    });
    this.batcher = new Batcher({
      arena,
      inline: { judge },
      threads: { idle: true, judge: async (slot, count) => judge(arena.records(slot), count) },
      inlineRecordsMax: 2,
      settle: (records, count) => this.verdicts.settle(records, count),
      onRelease: () => this.intake.checkRelief(),
      atEndOfTurn: (callback) => this.#turns.push(callback),
      clock: () => this.nowMs,
      stages: this.stages,
    });
    this.intake = new Intake({
      registry: this.jobs,
      batcher: this.batcher,
      duplicates: this.duplicates,
      metrics: this.metrics,
      clock: () => this.nowMs,
      downstreamSaturated: () => this.verdicts.saturated,
      onRelieved: () => this.relieved++,
    });
  }

  submit(jobId: number, nonce: bigint, difficulty = 4, requestId = Number(nonce), portIndex = 0): number {
    const session = {
      slot: 3,
      generation: 9,
      workerRef: 5,
      extranonce: 1,
      portIndex,
      difficultyLog2For: () => difficulty,
    };
    return this.intake.submit(
      session,
      jobId,
      Number(nonce & 0xffff_ffffn),
      Number(nonce >> 32n),
      0,
      requestId,
    );
  }

  oldest(): number {
    return Math.min(this.batcher.oldestReceivedAtMs, this.verdicts.oldestReceivedAtMs);
  }

  async endTurn(): Promise<void> {
    for (const turn of this.#turns.splice(0)) turn();
    await new Promise((resolve) => setImmediate(resolve));
  }

  durable(): void {
    this.verdicts.onDurable(this.journal.appendedSequence);
  }

  #judge(records: Uint8Array, count: number): void {
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    for (let index = 0; index < count; index++) {
      const at = index * RECORD_BYTES;
      const nonce = view.getBigUint64(at + OFFSET_NONCE, true);
      view.setUint8(at + OFFSET_VERDICT, this.verdictOf.get(nonce) ?? Verdict.Share);
      view.setBigUint64(at + OFFSET_POW_TOP, this.powTopOf.get(nonce) ?? 0n, true);
      view.setBigUint64(at + OFFSET_POW_TOP + 8, 0n, true);
    }
  }
}
