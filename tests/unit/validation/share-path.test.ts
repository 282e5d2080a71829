import { beforeEach, describe, expect, it } from 'vitest';
import { workIdentity } from '../../../src/domain/job.ts';
import { VERDICT_UNPREPARED, Verdict } from '../../../src/domain/share.ts';
import { DIFFICULTY_FORGOTTEN, targetOfBits } from '../../../src/domain/target.ts';
import { PENDING } from '../../../src/validation/intake.ts';
import { sampleTemplate } from '../../kit/sample-template.ts';

import { SharePathRig } from './share-path-rig.ts';

describe('the share path', () => {
  let rig: SharePathRig;
  let jobId: number;

  beforeEach(() => {
    rig = new SharePathRig();
    jobId = rig.jobs.jobOf(sampleTemplate(1), rig.nowMs);
  });

  it('answers true only when the journal says that the share is durable', async () => {
    expect(rig.submit(jobId, 7n)).toBe(PENDING);
    await rig.endTurn();
    expect(rig.journal.shares.map((share) => share.nonce)).toEqual([7n]);
    expect(rig.replies).toEqual([]);
    rig.durable();
    expect(rig.replies).toEqual([{ requestId: 7, verdict: Verdict.Share, difficulty: 4 }]);
  });

  it('answers a bad share without waiting for the journal, and does not journal it', async () => {
    rig.verdictOf.set(8n, Verdict.LowDifficulty);
    rig.submit(jobId, 8n);
    await rig.endTurn();
    expect(rig.replies).toEqual([{ requestId: 8, verdict: Verdict.LowDifficulty, difficulty: 4 }]);
    expect(rig.journal.shares).toEqual([]);
  });

  it('refuses the second of two equal submissions in one batch', async () => {
    expect(rig.submit(jobId, 7n)).toBe(PENDING);
    expect(rig.submit(jobId, 7n)).toBe(Verdict.Duplicate);
    await rig.endTurn();
    expect(rig.journal.shares.length).toBe(1);
  });

  it('refuses nonces that were paid for before a restart, on the very same work only', () => {
    const template = sampleTemplate(3);
    const identity = workIdentity(template.prePowHash, template.timestampMs);
    const after = new SharePathRig(new Map([[identity, BigUint64Array.of(5n, 1n << 60n)]]));
    const same = after.jobs.jobOf(template, 0);
    const other = after.jobs.jobOf(sampleTemplate(4), 0);
    expect(after.submit(same, 5n)).toBe(Verdict.Duplicate);
    expect(after.submit(same, 1n << 60n)).toBe(Verdict.Duplicate);
    expect(after.submit(same, 6n)).toBe(PENDING);
    expect(after.submit(other, 5n)).toBe(PENDING);
  });

  it('answers 21 for jobs that it never gave out', () => {
    expect(rig.submit(jobId + 1, 7n)).toBe(Verdict.UnknownJob);
  });

  it('answers 21 for an expired job, yet submits a block found on it', async () => {
    rig.nowMs += 101;
    rig.verdictOf.set(9n, Verdict.Block);
    rig.powTopOf.set(9n, 1n << 63n);
    expect(rig.submit(jobId, 7n)).toBe(PENDING);
    expect(rig.submit(jobId, 9n)).toBe(PENDING);
    await rig.endTurn();
    rig.durable();
    expect(rig.replies.map((reply) => reply.verdict)).toEqual([Verdict.StaleJob, Verdict.StaleJob]);
    expect(rig.blocks.map((block) => block.candidate.nonce)).toEqual([9n]);
    expect(rig.journal.shares).toEqual([]);
    expect(rig.journal.blocks.length).toBe(1);
  });

  it('credits a block that is a share at the difficulty of the share', async () => {
    rig.verdictOf.set(9n, Verdict.Block);
    rig.powTopOf.set(9n, 1n);
    rig.submit(jobId, 9n, 4);
    await rig.endTurn();
    rig.durable();
    expect(rig.replies).toEqual([{ requestId: 9, verdict: Verdict.Block, difficulty: 4 }]);
  });

  it('credits a block that misses the share target at the network difficulty, not at the port difficulty', async () => {
    rig.verdictOf.set(9n, Verdict.Block);
    rig.powTopOf.set(9n, 1n << 62n);
    rig.submit(jobId, 9n, 4);
    await rig.endTurn();
    rig.durable();
    // bits 0x1e7fffff: target just below 2^239, difficulty just above 2^-15.
    expect(rig.replies).toEqual([{ requestId: 9, verdict: Verdict.Block, difficulty: -15 }]);
    expect(targetOfBits(0x1e7fffff) < 1n << 239n).toBe(true);
  });

  it('calls a candidate that the reference proof of work denies a fault of the engine', async () => {
    rig.candidate = () => undefined;
    rig.verdictOf.set(9n, Verdict.Block);
    rig.submit(jobId, 9n);
    await rig.endTurn();
    expect(rig.replies.map((reply) => reply.verdict)).toEqual([Verdict.EngineFault]);
    expect(rig.blocks).toEqual([]);
    expect(rig.metrics.kernelDisagreements.value).toBe(1);
  });

  it('refuses shares while the journal is down and still submits blocks', async () => {
    rig.journal.available = false;
    rig.verdictOf.set(9n, Verdict.Block);
    rig.submit(jobId, 7n);
    rig.submit(jobId, 9n);
    await rig.endTurn();
    expect(rig.replies.map((reply) => reply.verdict)).toEqual([Verdict.Unavailable, Verdict.Unavailable]);
    expect(rig.blocks.length).toBe(1);
  });

  it('tells waiting miners when the disk fails, and only those whose shares it does not hold', async () => {
    rig.submit(jobId, 1n);
    await rig.endTurn();
    rig.submit(jobId, 2n);
    await rig.endTurn();
    rig.verdicts.onFailure(1, 'EIO');
    expect(rig.replies.map((reply) => [reply.requestId, reply.verdict])).toEqual([
      [1, Verdict.Share],
      [2, Verdict.Unavailable],
    ]);
    rig.durable();
    expect(rig.replies.length).toBe(2);
  });

  it('takes a share again that it refused for a fault of its own, and counts it once', async () => {
    rig.journal.available = false;
    rig.submit(jobId, 7n);
    await rig.endTurn();
    rig.journal.available = true;
    expect(rig.submit(jobId, 7n)).toBe(PENDING);
    await rig.endTurn();
    rig.verdicts.onFailure(0, 'EIO');
    expect(rig.submit(jobId, 7n)).toBe(PENDING);
    await rig.endTurn();
    rig.durable();
    expect(rig.replies.map((reply) => reply.verdict)).toEqual([
      Verdict.Unavailable,
      Verdict.Unavailable,
      Verdict.Share,
    ]);
    expect(rig.submit(jobId, 7n)).toBe(Verdict.Duplicate);
  });

  it('sends a block to the nodes once, also when its share could not be kept and comes again', async () => {
    rig.journal.available = false;
    rig.verdictOf.set(9n, Verdict.Block);
    rig.submit(jobId, 9n);
    await rig.endTurn();
    rig.journal.available = true;
    expect(rig.submit(jobId, 9n)).toBe(Verdict.Duplicate);
    expect(rig.blocks.length).toBe(1);
  });

  it('remembers nonces that were not worth anything, but no flood of them leaves a share without room', async () => {
    for (let nonce = 1n; nonce <= 3000n; nonce++) {
      rig.verdictOf.set(nonce, Verdict.LowDifficulty);
      expect(rig.submit(jobId, nonce)).toBe(PENDING);
      await rig.endTurn();
    }
    expect(rig.submit(jobId, 1n)).toBe(Verdict.Duplicate);
    expect(rig.submit(jobId, 5000n)).toBe(PENDING);
    await rig.endTurn();
    expect(rig.submit(jobId, 5000n)).toBe(Verdict.Duplicate);
  });

  it('credits nothing whose difficulty is forgotten, and sends a block found so', async () => {
    rig.verdictOf.set(9n, Verdict.Block);
    rig.powTopOf.set(9n, 1n);
    rig.submit(jobId, 7n, DIFFICULTY_FORGOTTEN);
    rig.submit(jobId, 9n, DIFFICULTY_FORGOTTEN);
    await rig.endTurn();
    rig.durable();
    expect(rig.replies.map((reply) => reply.verdict)).toEqual([Verdict.StaleJob, Verdict.StaleJob]);
    expect(rig.blocks.length).toBe(1);
    expect(rig.journal.shares).toEqual([]);
  });

  it('answers a record whose template left the shared memory as expired', async () => {
    rig.verdictOf.set(7n, VERDICT_UNPREPARED);
    rig.submit(jobId, 7n);
    await rig.endTurn();
    expect(rig.replies.map((reply) => reply.verdict)).toEqual([Verdict.StaleJob]);
  });

  it('judges few inline and many in threads, each record exactly once', async () => {
    for (let nonce = 1n; nonce <= 11n; nonce++) expect(rig.submit(jobId, nonce)).toBe(PENDING);
    await rig.endTurn();
    await rig.endTurn();
    rig.durable();
    expect(rig.replies.map((reply) => reply.requestId).sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ]);
  });

  it('says saturated before the arena is full, and tells when it is relieved', async () => {
    let nonce = 1n;
    while (!rig.intake.saturated) rig.submit(jobId, nonce++);
    expect(rig.relieved).toBe(0);
    await rig.endTurn();
    await rig.endTurn();
    rig.durable();
    expect(rig.intake.saturated).toBe(false);
    expect(rig.relieved).toBeGreaterThan(0);
    expect(rig.replies.length).toBe(Number(nonce - 1n));
  });

  it('writes the pot of its port beside every share and every block', async () => {
    rig.verdictOf.set(9n, Verdict.Block);
    for (const [nonce, port] of [
      [7n, 0],
      [8n, 1],
      [9n, 1],
      [10n, 2],
    ] as const)
      rig.submit(jobId, nonce, 4, Number(nonce), port);
    await rig.endTurn();
    await rig.endTurn();
    expect(rig.journal.shares.map((share) => share.portAndPot)).toEqual([0x100, 0x301, 0x301, 0x102]);
    expect(rig.journal.blocks).toMatchObject([{ nonce: 9n, pot: 3 }]);
    expect(rig.blocks).toMatchObject([{ pot: 3, receivedAtMs: rig.nowMs }]);
  });

  it('knows the oldest submission under way until it is on disk, refused, or its journal has failed', async () => {
    expect(rig.oldest()).toBe(Number.POSITIVE_INFINITY);
    rig.verdictOf.set(8n, Verdict.LowDifficulty);
    rig.submit(jobId, 7n);
    rig.nowMs = 1010;
    await rig.endTurn();
    rig.submit(jobId, 8n);
    expect(rig.oldest()).toBe(1000);
    await rig.endTurn();
    rig.durable();
    expect(rig.oldest()).toBe(Number.POSITIVE_INFINITY);
    rig.submit(jobId, 9n);
    expect(rig.oldest()).toBe(1010);
    await rig.endTurn();
    expect(rig.oldest()).toBe(1010);
    rig.verdicts.onFailure(rig.journal.durableSequence, 'disk full');
    expect(rig.oldest()).toBe(Number.POSITIVE_INFINITY);
  });

  it('refuses as overloaded, and answers, when a job has had its share of memory', () => {
    let verdict: number = PENDING;
    for (let nonce = 1n; nonce <= 1001n; nonce++)
      verdict = rig.duplicates.add(rig.jobs.slotOf(jobId), Number(nonce), 1);
    expect(verdict).toBe(2);
    expect(rig.submit(jobId, 5_000_000n)).toBe(Verdict.Overloaded);
  });
});
