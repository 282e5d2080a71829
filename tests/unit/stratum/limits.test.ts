import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Verdict } from '../../../src/domain/share.ts';
import type { FakeSocket } from '../../kit/fake-socket.ts';
import { jobOf, openRoom, type SessionRoom, submitLine, turn } from './session-room.ts';

const SWEEP_MS = 1_000;
const AUTHORIZE = '{"id":1,"method":"mining.authorize","params":["kaspa:qz.rig","x"]}';

describe('the limits of a port', () => {
  let room: SessionRoom;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(async () => {
    await room.stratum.close();
    vi.useRealTimers();
  });

  async function seconds(count: number): Promise<void> {
    for (let second = 0; second < count; second++) {
      room.nowMs += SWEEP_MS;
      vi.advanceTimersByTime(SWEEP_MS);
      await turn();
    }
  }

  function submit(socket: FakeSocket, first: number, count: number, jobId = 1): void {
    for (let id = first; id < first + count; id++)
      socket.receive(submitLine(id, jobId, id.toString(16).padStart(12, '0')));
  }

  it('tell who has one connection too many, in answer to its first request, and keep no session for it', async () => {
    room = await openRoom({}, { limits: { connectionsPerAddress: 2 } });
    await room.login();
    await room.login();
    const third = room.connect();
    await turn();
    expect([third.written, third.destroyed]).toEqual([[], false]);
    third.receive('{"id":"a","method":"mining.subscribe","params":[]}', AUTHORIZE);
    await turn();
    expect(third.takeLines()).toEqual([
      '{"id":"a","result":null,"error":[24,"Your address has 2 connections, which is the limit of this port",null]}',
    ]);
    expect(third.ended).toBe(true);
    expect(room.stratum.sessionCount()).toBe(2);
    expect(await room.metric('closes_total', 'address_connections')).toBe(1);
  });

  it('let an address in again when one of its connections has left', async () => {
    room = await openRoom({}, { limits: { connectionsPerAddress: 1 } });
    const first = await room.login();
    first.hangUp();
    const second = await room.login();
    expect(room.stratum.authorizedCount()).toBe(1);
    second.hangUp();
  });

  it('give up on a refused connection that asks nothing, and on the oldest when there are too many', async () => {
    room = await openRoom({ refusalsMax: 3 }, { limits: { connectionsPerAddress: 0 } });
    const sockets = Array.from({ length: 4 }, () => room.connect());
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, false, false, false]);
    await seconds(3);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true, true, true]);
  });

  it('read a flood of lines on at its rate, answer all of it, and let nobody else wait', async () => {
    room = await openRoom({}, { limits: { lines: { perSecond: 10, burst: 50 } } });
    room.giveJob(1);
    const flooder = await room.login();
    const miner = await room.login();
    submit(flooder, 100, 120);
    await turn();
    await turn();
    const atOnce = flooder.takeLines().length;
    // Its login was a line as well.
    expect(atOnce).toBe(49);
    expect(flooder.paused).toBe(true);
    submit(miner, 1_000, 1);
    await turn();
    await turn();
    expect(miner.takeLines()).toHaveLength(1);
    await seconds(3);
    await turn();
    expect(flooder.takeLines()).toHaveLength(30);
    await seconds(5);
    await turn();
    expect(flooder.takeLines()).toHaveLength(41);
    await seconds(10);
    expect(flooder.paused).toBe(false);
    expect(flooder.ended).toBe(false);
    expect(await room.metric('lines_held_back_total')).toBeGreaterThan(0);
    expect(await room.metric('reading_held_total')).toBe(0);
  });

  it('close who floods without end', async () => {
    room = await openRoom({ lineFloodMs: 10_000 }, { limits: { lines: { perSecond: 10, burst: 10 } } });
    room.giveJob(1);
    const flooder = await room.login();
    for (let second = 0; second < 12 && !flooder.ended; second++) {
      submit(flooder, 1_000 * (second + 1), 100);
      await seconds(1);
    }
    expect(flooder.ended).toBe(true);
    expect(await room.metric('closes_total', 'line_flood')).toBe(1);
  });

  it('leave a miner alone that keeps to its rate, for an hour', async () => {
    room = await openRoom({}, { limits: { lines: { perSecond: 10, burst: 20 } } });
    room.giveJob(1);
    const miner = await room.login();
    for (let second = 0; second < 3_600; second++) {
      submit(miner, 10 * (second + 1), 10);
      await seconds(1);
      miner.written = [];
    }
    expect(miner.ended).toBe(false);
    expect(await room.metric('closes_total', 'line_flood')).toBe(0);
  });

  it('forget a burst that is long over', async () => {
    room = await openRoom({ lineFloodMs: 10_000 }, { limits: { lines: { perSecond: 10, burst: 10 } } });
    room.giveJob(1);
    const miner = await room.login();
    submit(miner, 100, 15);
    await seconds(60);
    expect(miner.ended).toBe(false);
    expect(miner.takeLines()).toHaveLength(15);
  });

  it('take all that was read of a flooder when the engine stops', async () => {
    room = await openRoom({}, { limits: { lines: { perSecond: 1, burst: 5 } } });
    room.giveJob(1);
    const flooder = await room.login();
    submit(flooder, 100, 60);
    await turn();
    room.stratum.stopAccepting();
    await turn();
    await turn();
    expect(room.stratum.heldCount()).toBe(0);
    expect(flooder.takeLines()).toHaveLength(60);
  });

  it('drop who is refused everything, after an answer to each, and let its rig wait longer every time', async () => {
    room = await openRoom({}, { limits: { conductPointsMax: 20 } });
    room.giveJob(1);
    room.intake.verdictOf = () => Verdict.LowDifficulty;
    const waits: string[] = [];
    for (let round = 0; round < 3; round++) {
      const socket = await room.login();
      submit(socket, 1_000 * (round + 1), 20);
      await turn();
      await turn();
      await turn();
      expect(socket.takeLines()).toHaveLength(20);
      expect(socket.ended).toBe(true);
      const again = room.connect();
      again.receive(AUTHORIZE);
      await turn();
      const [answer] = again.takeLines();
      waits.push(/"error":\[24,".* in (\d+) s"/.exec(answer!)![1]!);
      // Its neighbours do not notice.
      const neighbour = await room.login('kaspa:qz.neighbour');
      expect(neighbour.ended).toBe(false);
      neighbour.hangUp();
      room.nowMs += Number(waits.at(-1)) * 1_000;
    }
    expect(waits).toEqual(['5', '10', '20']);
    expect(await room.metric('closes_total', 'misbehaved')).toBe(3);
    expect(await room.metric('closes_total', 'delayed')).toBe(3);
  });

  it.each([
    ['stale shares, whatever their number', Verdict.StaleJob, 1_000, 0],
    ['what is not its fault', Verdict.Unavailable, 1_000, 0],
    ['low difficulty in one share of three', Verdict.LowDifficulty, 900, 3],
  ])('drop nobody for %s', async (_, verdict, count, everyThird) => {
    room = await openRoom({}, { limits: { conductPointsMax: 20 } });
    room.giveJob(1);
    room.intake.verdictOf = ({ nonce }) =>
      everyThird > 0 && Number(nonce & 0xffffn) % everyThird !== 0 ? Verdict.Share : verdict;
    const socket = await room.login();
    for (let first = 0; first < count; first += 10) {
      submit(socket, 1_000 + first, 10);
      await turn();
    }
    expect(socket.ended).toBe(false);
  });

  it('close who reads nothing for 30 s, and nobody who reads now and then', async () => {
    room = await openRoom({}, { limits: { unreadTimeoutMs: 30_000 } });
    room.giveJob(1);
    const [stuck, slow] = [await room.login(), await room.login()];
    stuck.stuck = true;
    for (let second = 0; second < 40; second++) {
      if (second % 10 === 0) slow.stuck = true;
      room.giveJob(2 + second);
      await seconds(1);
      if (second % 10 === 8) slow.drain();
    }
    expect([stuck.destroyed, slow.destroyed]).toEqual([true, false]);
    expect(await room.metric('closes_total', 'slow_reader')).toBe(1);
  });

  it('close who does not log in, or says nothing any more, after the time that the port gives', async () => {
    room = await openRoom({}, { limits: { loginTimeoutMs: 5_000, idleTimeoutMs: 20_000 } });
    const stranger = room.connect();
    const silent = await room.login();
    await seconds(6);
    expect([stranger.destroyed, silent.destroyed]).toEqual([true, false]);
    await seconds(16);
    expect(silent.destroyed).toBe(true);
  });

  it('close the connections of who is banned while they stand, and refuse new ones', async () => {
    room = await openRoom();
    const socket = await room.login();
    room.stratum.setBans([{ network: '192.0.2.0/24', reason: 'a test' }]);
    await turn();
    expect(socket.ended).toBe(true);
    const again = room.connect();
    again.receive(AUTHORIZE);
    expect(again.takeLines()[0]).toContain('banned from this pool: a test');
    room.stratum.setBans([]);
    await turn();
    await room.login();
    expect(room.stratum.authorizedCount()).toBe(1);
  });

  it('end nobody for a clock that steps back', async () => {
    room = await openRoom(
      {},
      { limits: { loginTimeoutMs: 5_000, idleTimeoutMs: 20_000, unreadTimeoutMs: 5_000 } },
    );
    room.nowMs = 1_000_000;
    const stranger = room.connect();
    const miner = await room.login();
    miner.stuck = true;
    room.stratum.announce(0, jobOf(1));
    await seconds(2);
    room.nowMs = 0;
    await seconds(3);
    expect([stranger.destroyed, miner.destroyed]).toEqual([false, false]);
  });
});
