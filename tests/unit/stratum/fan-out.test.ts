import { afterEach, describe, expect, it } from 'vitest';
import { JOB_ID_MAX } from '../../../src/domain/job.ts';
import { DIFFICULTY_FORGOTTEN } from '../../../src/domain/target.ts';
import { DIFFICULTIES_KEPT, DifficultyHistory } from '../../../src/stratum/session/difficulty-history.ts';
import type { FakeSocket } from '../../kit/fake-socket.ts';
import { pollUntil } from '../../kit/poll-until.ts';
import { jobOf, openRoom, type SessionRoom, submitLine, turn } from './session-room.ts';

const jobsOf = (socket: FakeSocket): string[] =>
  socket
    .takeLines()
    .map((line) => JSON.parse(line))
    .filter((line) => line.method === 'mining.notify')
    .map((line) => line.params[0]);

describe('the fan-out', () => {
  let room: SessionRoom;
  afterEach(() => room.stratum.close());

  const crowd = (size: number): Promise<FakeSocket[]> =>
    Promise.all(Array.from({ length: size }, () => room.login()));

  it('gives every authorized session every job once', async () => {
    room = await openRoom();
    const sockets = await crowd(30);
    const stranger = room.connect();
    room.stratum.announce(0, jobOf(1));
    await turn();
    room.stratum.announce(0, jobOf(2));
    await turn();
    for (const socket of sockets) expect(jobsOf(socket)).toEqual(['1', '2']);
    expect(stranger.written).toEqual([]);
  });

  it('gives a session that logs in the newest job at once, and a session before the first job that job', async () => {
    room = await openRoom();
    const early = await room.login();
    room.stratum.announce(0, jobOf(1));
    const late = room.connect();
    late.receive('{"id":1,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}');
    await turn();
    expect(jobsOf(early)).toEqual(['1']);
    expect(jobsOf(late)).toEqual(['1']);
  });

  it('sends a job again when it is announced again', async () => {
    room = await openRoom();
    const socket = await room.login();
    room.stratum.announce(0, jobOf(1));
    await turn();
    room.stratum.announce(0, jobOf(1));
    await turn();
    expect(jobsOf(socket)).toEqual(['1', '1']);
  });

  it('works in slices of time, and a newer job overtakes without starving anybody', async () => {
    room = await openRoom({ fanOutSliceMs: 1 });
    const sockets = await crowd(40);
    // Each write takes a quarter of a slice: eight sockets a turn.
    for (const socket of sockets) {
      const write = socket.write.bind(socket);
      socket.write = (data) => {
        room.nowMs += 0.25;
        write(data);
      };
    }
    room.stratum.announce(0, jobOf(1));
    await new Promise((resolve) => setImmediate(resolve));
    const served = sockets.filter((socket) => socket.written.length > 0).length;
    expect(served).toBeGreaterThanOrEqual(8);
    expect(served).toBeLessThan(40);
    room.stratum.announce(0, jobOf(2));
    for (let index = 0; index < 10; index++) await turn();
    const jobs = sockets.map(jobsOf);
    expect(jobs.every((each) => each.at(-1) === '2')).toBe(true);
    // Those the first round had not reached never saw the old job.
    expect(jobs.filter((each) => each.includes('1'))).toHaveLength(served);
    expect(await room.metric('jobs_overtaken_total')).toBe(1);
  });

  it('puts the job of a session that is being answered into the same write, and passes over it later', async () => {
    room = await openRoom({ fanOutSliceMs: 1 });
    const sockets = await crowd(40);
    for (const socket of sockets) {
      const write = socket.write.bind(socket);
      socket.write = (data) => {
        room.nowMs += 0.25;
        write(data);
      };
    }
    room.stratum.announce(0, jobOf(1));
    await new Promise((resolve) => setImmediate(resolve));
    const waiting = sockets.find((socket) => socket.written.length === 0)!;
    waiting.receive('{"id":7,"method":"mining.ping","params":[]}');
    for (let index = 0; index < 10; index++) await turn();
    expect(waiting.written).toHaveLength(1);
    const [answer, job] = waiting.written[0]!.split('\n').map((line) =>
      line === '' ? undefined : JSON.parse(line),
    );
    expect(answer).toMatchObject({ id: 7, result: 'pong' });
    expect(job).toMatchObject({
      method: 'mining.notify',
      params: ['1', expect.anything(), expect.anything()],
    });
    for (const socket of sockets) if (socket !== waiting) expect(jobsOf(socket)).toEqual(['1']);
  });

  it('lets a job travel with an answer that is due, and without it when the answer does not come', async () => {
    room = await openRoom();
    room.intake.jobs.add(1);
    const [quick, stalled] = [await room.login(), await room.login()];
    room.stratum.announce(0, jobOf(1));
    await turn();
    for (const socket of [quick, stalled]) expect(jobsOf(socket)).toEqual(['1']);

    quick.receive(submitLine(5, 1, '01'));
    room.stratum.announce(0, jobOf(2));
    await turn();
    expect(quick.written).toHaveLength(1);
    expect(quick.takeLines().map((line) => JSON.parse(line).id)).toEqual([5, null]);
    expect(jobsOf(stalled)).toEqual(['2']);

    room.intake.holdsAnswers = true;
    stalled.receive(submitLine(6, 1, '02'));
    room.stratum.announce(0, jobOf(3));
    await turn();
    expect(jobsOf(quick)).toEqual(['3']);
    await pollUntil('the job came by itself', () => stalled.written.length > 0);
    expect(jobsOf(stalled)).toEqual(['3']);
    room.intake.answerAll();
    await turn();
    expect(stalled.takeLines().map((line) => JSON.parse(line).id)).toEqual([6]);
  });

  it('reaches everybody although sessions leave while it walks', async () => {
    room = await openRoom({ fanOutSliceMs: 1 });
    const sockets = await crowd(60);
    for (const [index, socket] of sockets.entries()) {
      const write = socket.write.bind(socket);
      socket.write = (data) => {
        room.nowMs += 0.25;
        write(data);
        // Each third hangs up on somebody further on, who may or may not have been served.
        if (index % 3 === 0) sockets[(index * 7 + 1) % 60]?.hangUp();
      };
    }
    room.stratum.announce(0, jobOf(1));
    for (let index = 0; index < 30; index++) await turn();
    for (const socket of sockets) if (socket.events !== undefined) expect(jobsOf(socket)).toEqual(['1']);
  });

  it('skips a socket with unsent bytes and gives it the newest job when it drains', async () => {
    room = await openRoom({ socketBacklogSkipBytes: 100 });
    const slow = await room.login();
    const quick = await room.login();
    slow.stuck = true;
    for (let jobId = 1; jobId <= 4; jobId++) {
      room.stratum.announce(0, jobOf(jobId));
      await turn();
    }
    expect(jobsOf(quick)).toEqual(['1', '2', '3', '4']);
    expect(jobsOf(slow)).toEqual(['1']);
    slow.drain();
    expect(jobsOf(slow)).toEqual(['4']);
    expect(await room.metric('jobs_skipped_total')).toBe(3);
  });

  it('closes a socket that does not read its answers', async () => {
    room = await openRoom({ socketBacklogCloseBytes: 400 });
    const slow = await room.login();
    slow.stuck = true;
    for (let id = 0; id < 20; id++) {
      slow.receive(submitLine(id, 99, '01'));
      await turn();
    }
    expect(slow.destroyed).toBe(true);
    expect(await room.metric('closes_total', 'slow_reader')).toBe(1);
    expect(room.stratum.authorizedCount()).toBe(0);
  });

  it('says nothing of a job that a client would refuse', async () => {
    room = await openRoom();
    const socket = await room.login();
    expect(room.stratum.announce(0, { ...jobOf(1), timestampMs: 0n })).toBe(false);
    await turn();
    expect(socket.written).toEqual([]);
  });

  it('brings a new difficulty with the next job, and judges older jobs at the old one', async () => {
    room = await openRoom({}, { difficultyLog2: 4, difficultyMinLog2: 0, difficultyMaxLog2: 9 });
    room.intake.jobs.add(1).add(2);
    const socket = await room.login();
    room.stratum.announce(0, jobOf(1));
    await turn();
    socket.takeLines();
    socket.receive('{"id":9,"method":"mining.authorize","params":["kaspa:qz.rig","d=64"]}');
    await turn();
    expect(socket.takeLines()).toEqual(['{"id":9,"result":true,"error":null}']);
    room.stratum.announce(0, jobOf(2));
    await turn();
    expect(socket.takeLines().map((line) => JSON.parse(line).params[0])).toEqual([64, '2']);
    socket.receive(submitLine(1, 1, '01'), submitLine(2, 2, '01'));
    expect(room.intake.submissions.map((each) => each.difficultyLog2)).toEqual([4, 6]);
  });
});

describe('the history of a difficulty', () => {
  it('remembers all changes that a live job can be older than, by the first job of each', () => {
    const history = new DifficultyHistory();
    history.reset(0);
    expect(history.at(1)).toBe(0);
    for (let change = 1; change <= DIFFICULTIES_KEPT; change++) history.change(change, 100 * change);
    for (let change = 1; change <= DIFFICULTIES_KEPT; change++)
      expect([100 * change, 100 * change + 99].map((jobId) => history.at(jobId))).toEqual([change, change]);
    expect(history.current).toBe(DIFFICULTIES_KEPT);
    // The nearest that is known would be a guess, and one that the miner can steer.
    expect(history.at(99)).toBe(DIFFICULTY_FORGOTTEN);
  });

  it('stays right when job ids begin again at one', () => {
    const history = new DifficultyHistory();
    history.reset(10);
    history.change(11, JOB_ID_MAX - 2);
    history.change(12, 3);
    expect([JOB_ID_MAX - 3, JOB_ID_MAX - 2, JOB_ID_MAX, 2, 3, 900].map((id) => history.at(id))).toEqual([
      10, 11, 11, 11, 12, 12,
    ]);
  });
});
