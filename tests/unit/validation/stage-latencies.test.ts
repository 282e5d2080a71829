import { beforeEach, describe, expect, it } from 'vitest';
import { sampleTemplate } from '../../kit/sample-template.ts';
import { SharePathRig } from './share-path-rig.ts';

describe('the stages of the share path', () => {
  let rig: SharePathRig;
  let jobId: number;

  beforeEach(() => {
    rig = new SharePathRig();
    jobId = rig.jobs.jobOf(sampleTemplate(1), rig.nowMs);
  });

  it('says how long each stage of its way took, in a chain without a gap', async () => {
    rig.submit(jobId, 7n);
    rig.nowMs += 2;
    rig.submit(jobId, 8n);
    rig.nowMs += 3;
    await rig.endTurn();
    rig.nowMs += 40;
    rig.durable();
    const took = Object.fromEntries(
      rig.stages.views().map(({ stage, count, maxMs }) => [stage, [count, maxMs]]),
    );
    const { read, queue, hash, journal, reply } = rig.stages;
    expect([read, queue, hash, journal, reply].map(({ count }) => count)).toEqual([2, 2, 2, 2, 2]);
    expect([read, queue, hash, journal, reply].map(({ sumSeconds }) => sumSeconds)).toEqual([
      0.01, 0, 0, 0.08, 0,
    ]);
    expect(took.commit).toEqual([0, 0]);
  });

  it('counts no share as journalled that the disk did not take', async () => {
    rig.submit(jobId, 7n);
    await rig.endTurn();
    rig.verdicts.onFailure(0, 'disk gone');
    expect(rig.stages.journal.count + rig.stages.reply.count).toBe(0);
  });
});
