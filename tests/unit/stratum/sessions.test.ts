import { afterEach, describe, expect, it } from 'vitest';
import { Verdict } from '../../../src/domain/share.ts';
import { pollUntil } from '../../kit/poll-until.ts';
import { jobOf, openRoom, type SessionRoom, submitLine, turn } from './session-room.ts';

const TRUE = (id: number | string) => `{"id":${JSON.stringify(id)},"result":true,"error":null}`;

describe('a session', () => {
  let room: SessionRoom;
  afterEach(() => room.stratum.close());

  it('gets everything that one turn brings in one write', async () => {
    room = await openRoom();
    room.stratum.announce(0, jobOf(1));
    const socket = room.connect();
    socket.receive(
      '{"id":1,"method":"mining.subscribe","params":["x"]}',
      '{"id":2,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}',
    );
    await turn();
    expect(socket.written).toHaveLength(1);
    expect(socket.takeLines().map((line) => JSON.parse(line).method ?? JSON.parse(line).id)).toEqual([
      1,
      2,
      'mining.set_extranonce',
      'mining.set_difficulty',
      'mining.notify',
    ]);
  });

  it('answers each submission with its own id, of whatever kind', async () => {
    room = await openRoom();
    room.giveJob(1);
    const socket = await room.login();
    socket.receive(submitLine(5, 1, '01'), submitLine('five', 1, '02'), submitLine(6, 9, '03'));
    await turn();
    await turn();
    expect(socket.takeLines().sort()).toEqual(
      [TRUE(5), TRUE('five'), '{"id":6,"result":null,"error":[21,"Job not found",null]}'].sort(),
    );
  });

  it('keeps its worker, extranonce and slot until its last pending share is answered', async () => {
    room = await openRoom();
    room.giveJob(1);
    room.intake.holdsAnswers = true;
    const socket = await room.login();
    socket.receive(submitLine(5, 1, '01'));
    const free = await room.metric('extranonces_free');
    socket.hangUp();
    expect(room.stratum.sessionCount()).toBe(0);
    expect(await room.metric('sessions_lingering')).toBe(1);
    expect(room.workers.live.size).toBe(1);
    // Somebody else comes meanwhile: another slot, and nothing of the dead session's answers.
    const other = await room.login('kaspa:qz.other');
    room.intake.answerAll();
    await turn();
    expect(other.takeLines()).toEqual([]);
    expect([...room.workers.live.values()]).toEqual(['kaspa:qz.other']);
    expect(await room.metric('sessions_lingering')).toBe(0);
    // One went to the newcomer, one came back.
    expect(await room.metric('extranonces_free')).toBe(free);
  });

  it('gives no answer of an earlier connection to the next one in its slot', async () => {
    room = await openRoom();
    room.giveJob(1);
    const socket = await room.login();
    socket.receive(submitLine(5, 1, '01'));
    await turn();
    const first = room.intake.submissions[0]!;
    socket.hangUp();
    const next = await room.login();
    next.receive(submitLine(6, 1, '02'));
    const second = room.intake.submissions[1]!;
    expect(second.slot).toBe(first.slot);
    expect(second.generation).not.toBe(first.generation);
    room.stratum.replySink.reply(first.slot, first.generation, 0, 5, Verdict.Share, 0);
    await turn();
    expect(next.takeLines()).toEqual([TRUE(6)]);
  });

  it('logs in again as somebody else without losing whom its pending shares belong to', async () => {
    room = await openRoom();
    room.giveJob(1);
    room.intake.holdsAnswers = true;
    const socket = await room.login('kaspa:qz.first');
    socket.receive(submitLine(5, 1, '01'));
    socket.receive('{"id":6,"method":"mining.authorize","params":["kaspa:qz.second","x"]}');
    socket.receive(submitLine(7, 1, '02'));
    expect(room.intake.submissions.map((each) => each.workerRef)).toEqual([0, 1]);
    expect([...room.workers.live.values()]).toEqual(['kaspa:qz.first', 'kaspa:qz.second']);
    room.intake.answerAll();
    expect([...room.workers.live.values()]).toEqual(['kaspa:qz.second']);
    socket.hangUp();
    expect(room.workers.live.size).toBe(0);
  });

  it('cannot collect workers by logging in again and again behind one pending share', async () => {
    room = await openRoom({ retiredWorkersMax: 3 });
    room.giveJob(1);
    room.intake.holdsAnswers = true;
    const socket = await room.login();
    socket.receive(submitLine(5, 1, '01'));
    for (let index = 0; index < 20; index++) {
      socket.receive(`{"id":6,"method":"mining.authorize","params":["kaspa:qz.rig${index}","x"]}`);
    }
    expect(room.workers.live.size).toBe(4);
    room.intake.answerAll();
    await turn();
    expect(socket.ended).toBe(true);
  });

  it('is not read while validation is full, and loses nothing of what it had sent', async () => {
    room = await openRoom();
    room.giveJob(1);
    const socket = await room.login();
    const idle = await room.login();
    room.intake.saturated = true;
    socket.receive(submitLine(5, 1, '01'), submitLine(6, 1, '02'));
    expect(socket.paused).toBe(true);
    expect(idle.paused).toBe(false);
    expect(room.intake.submissions).toHaveLength(0);
    // One more chunk was under way.
    socket.receive(submitLine(7, 1, '03'));
    room.intake.saturated = false;
    room.stratum.replySink.onRelieved();
    await turn();
    await turn();
    expect(room.intake.submissions.map((each) => each.requestId)).toEqual([5, 6, 7]);
    expect(socket.paused).toBe(false);
    expect(socket.takeLines()).toEqual([TRUE(5), TRUE(6), TRUE(7)]);
  });

  it('has all its lines taken and answered when it ended while validation was full', async () => {
    room = await openRoom();
    room.giveJob(1);
    const socket = await room.login();
    room.intake.saturated = true;
    socket.receive(submitLine(5, 1, '01'), submitLine(6, 1, '02'));
    socket.events!.onEnd();
    await turn();
    expect(socket.ended).toBe(false);
    room.intake.saturated = false;
    room.stratum.replySink.onRelieved();
    await turn();
    await turn();
    await turn();
    expect(socket.takeLines()).toEqual([TRUE(5), TRUE(6)]);
    expect(socket.ended).toBe(true);
  });

  it('has what was read of it taken also when the engine stops meanwhile, and nothing more is read', async () => {
    room = await openRoom();
    room.giveJob(1);
    const socket = await room.login();
    room.intake.saturated = true;
    socket.receive(submitLine(5, 1, '01'));
    room.stratum.stopAccepting();
    expect(room.stratum.heldCount()).toBe(1);
    room.intake.saturated = false;
    room.stratum.replySink.onRelieved();
    await turn();
    await turn();
    expect(room.stratum.heldCount()).toBe(0);
    expect(socket.takeLines()).toEqual([TRUE(5)]);
    expect(socket.paused).toBe(true);
  });

  it('still logs in while validation is full', async () => {
    room = await openRoom();
    room.intake.saturated = true;
    const socket = room.connect();
    socket.receive('{"id":1,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}');
    await turn();
    expect(socket.takeLines()[0]).toBe(TRUE(1));
  });

  it('gets the answers it is owed after its peer has ended', async () => {
    room = await openRoom();
    room.giveJob(1);
    room.intake.holdsAnswers = true;
    const socket = await room.login();
    socket.receive(submitLine(5, 1, '01'));
    socket.events!.onEnd();
    await turn();
    expect(socket.ended).toBe(false);
    room.intake.answerAll();
    await turn();
    expect(socket.takeLines()).toEqual([TRUE(5)]);
    expect(socket.ended).toBe(true);
  });

  it('is closed after a few malformed lines, and forgiven them by an accepted share', async () => {
    room = await openRoom({ malformedLinesMax: 3 });
    room.giveJob(1);
    const socket = await room.login();
    socket.receive('{{{', '{{{');
    await turn();
    expect(socket.takeLines()).toEqual(['{"id":null,"result":null,"error":[20,"Not JSON",null]}']);
    socket.receive(submitLine(5, 1, '01'));
    await turn();
    await turn();
    socket.receive('{{{', '{{{');
    await turn();
    expect(socket.ended).toBe(false);
    socket.receive('{{{', submitLine(6, 1, '02'));
    await turn();
    expect(socket.ended).toBe(true);
    expect(room.intake.submissions).toHaveLength(1);
  });

  it('is closed when it does not log in, or says nothing for long', async () => {
    room = await openRoom({ loginTimeoutMs: 500, idleTimeoutMs: 5_000, sweepIntervalMs: 5 });
    const mute = room.connect();
    const idle = await room.login();
    room.nowMs += 501;
    await pollUntil('the mute one is gone', () => mute.destroyed);
    expect(idle.destroyed).toBe(false);
    room.nowMs += 5_001;
    await pollUntil('the idle one is gone', () => idle.destroyed);
    expect(await room.metric('closes_total', 'login_timeout')).toBe(1);
    expect(await room.metric('closes_total', 'idle')).toBe(1);
  });

  it('is refused politely when all 65,535 extranonces are lent, and takes none before it logs in', async () => {
    room = await openRoom({ connectionsMax: 70_000 });
    const knocking = room.connect();
    const authorize = '{"id":1,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}';
    for (let index = 0; index < 65_535; index++) room.connect().receive(authorize);
    expect(await room.metric('extranonces_free')).toBe(0);
    knocking.receive(authorize);
    await turn();
    expect(JSON.parse(knocking.takeLines()[0]!)).toMatchObject({
      id: 1,
      result: null,
      error: [20, expect.stringContaining('full'), null],
    });
    expect(knocking.ended).toBe(true);
  });

  it('is refused when the room is full', async () => {
    room = await openRoom({ connectionsMax: 2 });
    room.connect();
    room.connect();
    const third = room.connect();
    third.receive('{"id":1,"method":"mining.subscribe","params":[]}');
    expect(JSON.parse(third.takeLines()[0]!).error[1]).toContain('full');
    expect([third.ended, room.stratum.sessionCount()]).toEqual([true, 2]);
    expect(await room.metric('closes_total', 'too_many_connections')).toBe(1);
  });

  it('has its nonces counted, and refused, when they lie under another extranonce', async () => {
    room = await openRoom();
    room.giveJob(1);
    const socket = await room.login();
    socket.receive(submitLine(5, 1, '0002000000000001'));
    await turn();
    expect(JSON.parse(socket.takeLines()[0]!).error[0]).toBe(21);
    expect(room.intake.submissions).toHaveLength(0);
    expect(await room.metric('foreign_extranonce_total')).toBe(1);
  });

  it('has the refusals that need no look at the work counted where all others are', async () => {
    room = await openRoom();
    room.giveJob(1);
    const stranger = room.connect();
    stranger.receive(submitLine(4, 1, '01'));
    const socket = await room.login();
    socket.receive(submitLine(5, 1, '0002000000000001'), submitLine(6, 1, 'zz'), submitLine(7, 9, '01'));
    expect(room.intake.refusals).toEqual([
      Verdict.Unauthorized,
      Verdict.ForeignExtranonce,
      Verdict.Malformed,
      Verdict.UnknownJob,
    ]);
  });

  it('cannot use up the extranonces by logging in and leaving, without a share', async () => {
    room = await openRoom();
    const authorize = '{"id":1,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}';
    for (let round = 0; round < 70_000; round++) {
      const socket = room.connect();
      socket.receive(authorize);
      socket.hangUp();
    }
    const socket = await room.login();
    room.giveJob(1);
    await turn();
    socket.takeLines();
    socket.receive(submitLine(5, 1, '01'));
    await turn();
    await turn();
    expect(socket.takeLines()).toEqual([TRUE(5)]);
  });

  it('is shown to statistics with what it did', async () => {
    room = await openRoom({}, { difficultyLog2: 3, difficultyMinLog2: 0, difficultyMaxLog2: 9 });
    room.giveJob(1);
    const socket = await room.login('kaspa:qz.rig', 'd=16');
    socket.receive(submitLine(5, 1, '01'), submitLine(6, 1, '01'), submitLine(7, 8, '02'));
    await turn();
    await turn();
    const seen: unknown[] = [];
    room.stratum.forEachSession(
      ({ address, worker, accepted, rejected, creditedDifficulty, difficultyLog2 }) => {
        seen.push({ address, worker, accepted, rejected, creditedDifficulty, difficultyLog2 });
      },
    );
    expect(seen).toEqual([
      {
        address: 'kaspa:qz',
        worker: 'rig',
        accepted: 1,
        rejected: 2,
        creditedDifficulty: 16,
        difficultyLog2: 4,
      },
    ]);
  });

  it('leaves nothing behind after ten thousand connections came and went', async () => {
    room = await openRoom();
    for (let round = 0; round < 100; round++) {
      const sockets = await Promise.all(Array.from({ length: 100 }, () => room.login()));
      for (const socket of sockets) socket.hangUp();
      room.nowMs += 100;
    }
    expect(room.stratum.sessionCount()).toBe(0);
    expect(room.stratum.authorizedCount()).toBe(0);
    expect(room.workers.live.size).toBe(0);
    expect(await room.metric('extranonces_free')).toBe(65_535);
  });
});
