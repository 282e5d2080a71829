import { afterEach, describe, expect, it } from 'vitest';
import { Verdict } from '../../../src/domain/share.ts';
import { type Logger, silentLogger } from '../../../src/kit/log.ts';
import { Diary } from '../../../src/stratum/session/diary.ts';
import { ResponseTimes } from '../../../src/stratum/session/response-times.ts';
import { openRoom, type SessionRoom, submitLine, turn } from './session-room.ts';

describe('a diary', () => {
  it('keeps the last 20 events of each slot, oldest first, and forgets them with the connection', () => {
    const diary = new Diary();
    for (const slot of [0, 1, 127, 128, 59_999]) {
      for (let jobId = 1; jobId <= 50; jobId++) diary.retarget(slot, 1_000 * jobId + slot, jobId, 5);
    }
    for (const slot of [0, 1, 127, 128, 59_999]) {
      const events = diary.read(slot);
      expect(events.map((event) => event.jobId)).toEqual(
        Array.from({ length: 20 }, (_, index) => 31 + index),
      );
      expect(events[0]).toEqual({ kind: 'retarget', atMs: 31_000 + slot, jobId: 31, askedLog2: 5 });
    }
    diary.begin(1);
    expect(diary.read(1)).toEqual([]);
    expect(diary.read(0)).toHaveLength(20);
    expect(diary.read(5_000)).toEqual([]);
  });

  it('gives the numbers of a refusal as they were, and leaves out what is not known', () => {
    const diary = new Diary();
    diary.refused(3, 10, Verdict.LowDifficulty, 999_999_999, -31, 2 ** -40, 1_234.4);
    diary.refused(3, 20, Verdict.Malformed, 0, -128, Number.NaN, Number.NaN);
    expect(diary.read(3)).toEqual([
      {
        kind: 'refused',
        atMs: 10,
        verdict: 'low_difficulty',
        jobId: 999_999_999,
        askedLog2: -31,
        hashDifficulty: 2 ** -40,
        jobAgeMs: 1_234,
      },
      { kind: 'refused', atMs: 20, verdict: 'malformed' },
    ]);
  });
});

describe('response times', () => {
  it('take the least round trip of a login that waits for its answers', () => {
    const times = new ResponseTimes();
    for (const atMs of [0, 80, 125, 200]) times.onLoginRequest(atMs);
    expect(times.roundTripMs).toBe(45);
  });

  it('know nothing of a client that sends all at once, nor of a clock that steps back', () => {
    const times = new ResponseTimes();
    for (const atMs of [5_000, 5_000.01, 5_000.02, 100]) times.onLoginRequest(atMs);
    expect(times.roundTripMs).toBeNaN();
    times.onShare(-3);
    times.onShare(Number.NaN);
    expect(times.notifyToShareMs).toBeNaN();
  });
});

describe('why was I refused', () => {
  let room: SessionRoom;
  afterEach(() => room.stratum.close());

  it('is told by the diary of every connection of a miner, with the numbers', async () => {
    room = await openRoom();
    room.giveJob(1);
    const socket = await room.login('kaspa:qz.rig');
    const other = await room.login('kaspa:qz.other');
    room.intake.verdictOf = () => Verdict.LowDifficulty;
    socket.receive(submitLine(5, 1, '01'), submitLine(6, 99, '02'), submitLine(7, 1, 'xyz'));
    await turn();
    await turn();
    other.receive(submitLine(5, 1, '01'));
    const [diary, ...more] = room.stratum.diariesOf('kaspa:qz', 'rig');
    expect(more).toEqual([]);
    expect(diary).toMatchObject({ worker: 'rig', accepted: 0, rejected: 3, difficultyLog2: 0 });
    expect(diary!.events.map(({ kind, verdict }) => verdict ?? kind).sort()).toEqual(
      ['login', 'low_difficulty', 'malformed', 'unknown_job'].sort(),
    );
    const low = diary!.events.find(({ verdict }) => verdict === 'low_difficulty');
    expect(low).toMatchObject({ jobId: 1, askedLog2: 0, hashDifficulty: 0.25, jobAgeMs: 1_500 });
    expect(room.stratum.diariesOf('kaspa:qz')).toHaveLength(2);
    expect(room.stratum.diariesOf('kaspa:nobody')).toEqual([]);
  });

  it('knows nothing of accepted shares', async () => {
    room = await openRoom();
    room.giveJob(1);
    const socket = await room.login();
    for (let id = 1; id < 50; id++) socket.receive(submitLine(id, 1, id.toString(16).padStart(2, '0')));
    await turn();
    await turn();
    const [diary] = room.stratum.diariesOf('kaspa:qz');
    expect(diary!.accepted).toBe(49);
    expect(diary!.events.map(({ kind }) => kind)).toEqual(['login']);
  });
});

describe('the log of closed connections', () => {
  let room: SessionRoom;
  let lines: Record<string, unknown>[];
  afterEach(() => room.stratum.close());

  async function openLogged(): Promise<void> {
    lines = [];
    const log = Object.assign(Object.create(silentLogger), {
      isLevelEnabled: () => true,
      info: (line: Record<string, unknown>, text: string) =>
        text === 'a connection ended' && lines.push(line),
    }) as Logger;
    room = await openRoom({}, {}, log);
    room.giveJob(1);
  }

  it('has a line with the reason, the numbers and the last events of a miner', async () => {
    await openLogged();
    const socket = await room.login('kaspa:qz.rig');
    room.intake.verdictOf = () => Verdict.LowDifficulty;
    socket.receive(submitLine(5, 1, '01'));
    await turn();
    await turn();
    room.nowMs += 61_000;
    socket.hangUp();
    expect(lines).toMatchObject([
      {
        reason: 'client',
        port: 'test',
        remoteAddress: '192.0.2.1',
        login: 'kaspa:qz.rig',
        seconds: 61,
        accepted: 0,
        rejected: 1,
        events: [
          { kind: 'login', secondsAgo: 61 },
          { kind: 'refused', verdict: 'low_difficulty', askedLog2: 0, hashDifficulty: 0.25, jobAgeMs: 1_500 },
        ],
      },
    ]);
  });

  it('has few lines for strangers and not many for miners, and says how many it left out', async () => {
    await openLogged();
    for (let index = 0; index < 50; index++) room.connect().hangUp();
    expect(lines).toHaveLength(3);
    for (let index = 0; index < 200; index++) (await room.login()).hangUp();
    expect(lines).toHaveLength(103);
    expect(lines[3]).toMatchObject({ leftOut: 47 });
    room.nowMs += 1_000;
    for (let index = 0; index < 20; index++) (await room.login()).hangUp();
    expect(lines).toHaveLength(113);
    expect(lines[103]).toMatchObject({ leftOut: 100 });
  });
});
