import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { seededRandom } from '../../../bench/lib/seeded-random.ts';
import { LIMITS } from '../../../config/limits.ts';
import { Verdict } from '../../../src/domain/share.ts';
import type { FakeSocket } from '../../kit/fake-socket.ts';
import { openRoom, type SessionRoom, submitLine, turn } from './session-room.ts';

const SWEEP_MS = 1_000;
const RANGE = { difficultyLog2: 6, difficultyMinLog2: 0, difficultyMaxLog2: 40, sharesPerMinute: 60 };

/** A machine that takes the difficulty for the job after it, and is slow to let go of a job. */
class Machine {
  readonly socket: FakeSocket;
  readonly jobs: { readonly jobId: number; readonly log2: number; readonly atMs: number }[] = [];
  log2 = Number.NaN;
  floods = true;

  constructor(socket: FakeSocket) {
    this.socket = socket;
  }

  suggest(random: () => number): void {
    const difficulty = 2 ** Math.floor(40 * random());
    this.socket.receive(JSON.stringify({ id: 1, method: 'mining.suggest_difficulty', params: [difficulty] }));
  }

  read(nowMs: number): void {
    for (const text of this.socket.takeLines()) {
      const line = JSON.parse(text) as { method?: string; params: unknown[] };
      if (line.method === 'mining.set_difficulty') this.log2 = Math.log2(Number(line.params[0]));
      else if (line.method === 'mining.notify')
        this.jobs.push({ jobId: Number(line.params[0]), log2: this.log2, atMs: nowMs });
    }
    while (this.jobs.length > 1 && nowMs - this.jobs[0]!.atMs > LIMITS.jobLifeMs) this.jobs.shift();
  }
}

async function retargets(room: SessionRoom): Promise<number> {
  return (await room.metric('retargets_total', 'up')) + (await room.metric('retargets_total', 'down'));
}

describe('variable difficulty at work', () => {
  let room: SessionRoom;
  let nextJob = 1;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    nextJob = 1;
  });
  afterEach(async () => {
    await room.stratum.close();
    vi.useRealTimers();
  });

  /** Half a second, with a new job at its begin. */
  async function half(machines: readonly Machine[], sweep: boolean): Promise<void> {
    room.nowMs += SWEEP_MS / 2;
    if (sweep) vi.advanceTimersByTime(SWEEP_MS);
    room.giveJob(nextJob++);
    await turn();
    for (const machine of machines) machine.read(room.nowMs);
  }

  it('retargets 10,000 times and refuses nobody a share for it, of whatever live job', async () => {
    room = await openRoom({}, RANGE);
    const random = seededRandom(3);
    /** By nonce: what the wire said that the job is worth. */
    const told = new Map<bigint, number>();
    const wrong: string[] = [];
    room.intake.verdictOf = ({ nonce, difficultyLog2 }) => {
      const log2 = told.get(nonce & 0xffff_ffff_ffffn);
      if (log2 !== difficultyLog2) wrong.push(`made for ${log2}, judged at ${difficultyLog2}`);
      return Verdict.Share;
    };
    const machines: Machine[] = [];
    for (let i = 0; i < 100; i++) {
      const socket = room.connect();
      socket.receive('{"id":1,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}');
      machines.push(new Machine(socket));
    }
    let nonce = 0;
    const send = (machine: Machine, age: number): void => {
      const job = machine.jobs[Math.floor((machine.jobs.length - 1) * (1 - age))];
      if (job === undefined) return;
      nonce++;
      told.set(BigInt(nonce), job.log2);
      machine.socket.receive(submitLine(nonce, job.jobId, nonce.toString(16).padStart(12, '0')));
    };
    for (let second = 0; (await retargets(room)) < 10_000; second++) {
      expect(second).toBeLessThan(1_500);
      await half(machines, true);
      for (const machine of machines) {
        // From silence to a flood and back.
        if (machine.log2 < 12) machine.floods = true;
        else if (machine.log2 > 30) machine.floods = false;
        // Some say what they want as well, wherever they are.
        if (random() < 0.002) machine.suggest(random);
        for (let i = machine.floods ? 20 : Number(random() < 0.03); i > 0; i--)
          send(machine, machine.floods && random() < 0.8 ? 0 : random());
      }
      await turn();
      await half(machines, false);
    }
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(await room.metric('replies_total', 'true')).toBe(nonce);
  }, 60_000);

  describe('where shares are kept back for our own sake', () => {
    let machine: Machine;
    let nonce = 0;
    beforeEach(async () => {
      room = await openRoom({}, { ...RANGE, difficultyLog2: 20 });
      const socket = room.connect();
      socket.receive('{"id":1,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}');
      machine = new Machine(socket);
    });

    /** A share a second, as wanted. */
    async function seconds(count: number): Promise<void> {
      for (let second = 0; second < count; second++) {
        await half([machine], true);
        const { jobId } = machine.jobs.at(-1)!;
        nonce++;
        machine.socket.receive(submitLine(nonce, jobId, nonce.toString(16).padStart(12, '0')));
        await turn();
        await half([machine], false);
      }
    }

    it.each([
      ['the disk is full', Verdict.Unavailable],
      ['the engine is full', Verdict.Overloaded],
      ['a thread died', Verdict.EngineFault],
      ['the node brings nothing new', Verdict.StaleJob],
    ])('steps nobody down while %s', async (_, verdict) => {
      room.intake.verdictOf = () => verdict;
      await seconds(300);
      expect([machine.log2, await retargets(room)]).toEqual([20, 0]);
      room.intake.verdictOf = () => Verdict.Share;
      await seconds(60);
      expect(await retargets(room)).toBe(0);
    });

    it('steps nobody down whose answers wait', async () => {
      await seconds(1);
      room.intake.holdsAnswers = true;
      await seconds(300);
      expect(await retargets(room)).toBe(0);
      room.intake.holdsAnswers = false;
      room.intake.answerAll();
      await seconds(60);
      expect(await retargets(room)).toBe(0);
    });

    it('steps nobody down whose lines are held', async () => {
      await seconds(1);
      room.intake.saturated = true;
      await seconds(300);
      expect(await retargets(room)).toBe(0);
    });

    it('makes one step at most for all the time that there is no job', async () => {
      await seconds(1);
      for (let second = 0; second < 600; second++) {
        room.nowMs += SWEEP_MS;
        vi.advanceTimersByTime(SWEEP_MS);
      }
      await seconds(30);
      expect(machine.log2).toBe(19);
    });

    it('steps up all the same: what was credited was done at the least', async () => {
      room.intake.verdictOf = (share) => (share.nonce % 2n === 0n ? Verdict.Share : Verdict.Unavailable);
      for (let second = 0; second < 3; second++) {
        await half([machine], true);
        const { jobId } = machine.jobs.at(-1)!;
        for (let i = 0; i < 100; i++) {
          nonce++;
          machine.socket.receive(submitLine(nonce, jobId, nonce.toString(16).padStart(12, '0')));
        }
        await turn();
      }
      await half([machine], true);
      expect(machine.log2).toBeGreaterThan(23);
    });

    it('goes on where it was when the clock steps back, and finds its way from there', async () => {
      await seconds(60);
      expect([machine.log2, await retargets(room)]).toEqual([20, 0]);
      room.nowMs -= 3_600_000;
      machine.jobs.length = 1;
      await seconds(60);
      expect([machine.log2, await retargets(room)]).toEqual([20, 0]);
      room.nowMs = -1e6;
      room.intake.verdictOf = () => Verdict.LowDifficulty;
      await seconds(60);
      expect(machine.log2).toBeLessThan(19);
    });

    it('steps down who is refused for its own fault, or says nothing', async () => {
      room.intake.verdictOf = () => Verdict.LowDifficulty;
      await seconds(60);
      expect(machine.log2).toBeLessThan(18);
    });
  });
});
