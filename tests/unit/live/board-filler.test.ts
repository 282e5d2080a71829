import { describe, expect, it } from 'vitest';
import { Verdict } from '../../../src/domain/share.ts';
import { BoardFiller, type LiveSession } from '../../../src/live/board-filler.ts';
import { LiveBoard, newBoardRow } from '../../../src/live/live-board.ts';
import type { Arrival } from '../../../src/live/roster.ts';

/** Sessions that a test moves by hand. */
class Room {
  readonly sessions: (LiveSession | undefined)[] = [];
  readonly refusals = new Map<number, number>();
  readonly arrivals: Arrival[] = [];
  readonly board = new LiveBoard(5_000);
  turns = 0;
  nowMs = 1_000;
  wallOffsetMs = 1_700_000_000_000;
  readonly filler = new BoardFiller({
    board: this.board,
    visitSlice: (from, slots, visit) => {
      const end = Math.min(from + slots, this.sessions.length);
      for (const session of this.sessions.slice(from, end)) if (session) visit(session);
      return end < this.sessions.length ? end : 0;
    },
    readRefusals: (slot, into) => {
      into.fill(0);
      into[Verdict.StaleJob] = this.refusals.get(slot) ?? 0;
    },
    onArrived: (arrivals) => this.arrivals.push(...arrivals),
    clock: () => this.nowMs,
    wallClock: () => this.nowMs + this.wallOffsetMs,
    nextTurn: (callback) => {
      this.turns++;
      setImmediate(callback);
    },
  });

  login(slot: number, fields: Partial<LiveSession> = {}): void {
    this.sessions[slot] = {
      ...{
        slot,
        generation: 1,
        portIndex: 0,
        address: 'kaspa:a',
        worker: `rig${slot}`,
        userAgent: 'miner/1',
      },
      ...{ dialect: { name: 'default' }, difficultyLog2: 3, connectedAtMs: 500, lastShareAtMs: 0 },
      ...{ accepted: 0, creditedDifficulty: 0 },
      ...fields,
    };
  }

  read(slot: number) {
    const row = newBoardRow();
    this.board.read(slot, row);
    return row;
  }
}

describe('a pass over the sessions', () => {
  it('writes their numbers, and tells their names once', async () => {
    const room = new Room();
    room.login(0, { lastShareAtMs: 900, accepted: 4, creditedDifficulty: 32 });
    room.login(2, { address: 'kaspa:b', worker: '', portIndex: 1 });
    room.refusals.set(2, 7);
    await room.filler.pass();
    expect(room.read(0)).toMatchObject({
      ...{ generation: 1, portIndex: 0, difficultyLog2: 3, accepted: 4, creditedDifficulty: 32 },
      connectedAtUnixMs: 1_700_000_000_500,
      lastShareAtUnixMs: 1_700_000_000_900,
    });
    expect(room.read(1).generation).toBe(0);
    expect(room.read(2).rejected[Verdict.StaleJob]).toBe(7);
    expect(room.filler.counts).toEqual({ connections: 2, addresses: 2, workers: 2, byPort: [1, 1] });
    await room.filler.pass();
    expect(room.arrivals).toEqual([
      { slot: 0, generation: 1, address: 'kaspa:a', worker: 'rig0', agent: 'miner/1', dialect: 'default' },
      { slot: 2, generation: 1, address: 'kaspa:b', worker: '', agent: 'miner/1', dialect: 'default' },
    ]);
  });

  it('takes off who has left, and meets who has the slot now', async () => {
    const room = new Room();
    room.login(0);
    room.login(1);
    await room.filler.pass();
    room.sessions[0] = undefined;
    room.login(1, { generation: 2, worker: 'other' });
    await room.filler.pass();
    expect(room.read(0).generation).toBe(0);
    expect(room.read(1).generation).toBe(2);
    expect(room.filler.counts).toMatchObject({ connections: 1, workers: 1 });
    expect(room.arrivals.at(-1)).toMatchObject({ slot: 1, generation: 2, worker: 'other' });
  });

  it('meets a miner anew who logs in as somebody else on the same connection', async () => {
    const room = new Room();
    room.login(0);
    await room.filler.pass();
    room.login(0, { address: 'kaspa:b' });
    await room.filler.pass();
    expect(room.arrivals.map(({ address }) => address)).toEqual(['kaspa:a', 'kaspa:b']);
    expect(room.filler.counts.addresses).toBe(1);
  });

  it('goes in slices, however many there are, and counts two logins of one worker once', async () => {
    const room = new Room();
    for (let slot = 0; slot < 4_500; slot++) room.login(slot, { worker: `rig${slot % 3_000}` });
    const first = room.filler.pass();
    const again = room.filler.pass();
    await Promise.all([first, again]);
    expect(room.turns).toBe(17);
    expect(room.filler.counts).toEqual({ connections: 4_500, addresses: 1, workers: 3_000, byPort: [4_500] });
  });

  it('takes off a crowd that left at once in slices, too', async () => {
    const room = new Room();
    for (let slot = 0; slot < 2_000; slot++) room.login(slot);
    await room.filler.pass();
    room.sessions.fill(undefined);
    room.turns = 0;
    await room.filler.pass();
    expect(room.turns).toBe(7 + 7);
    expect(room.filler.counts).toMatchObject({ connections: 0, workers: 0 });
    for (const slot of [0, 999, 1_999]) expect(room.read(slot).generation).toBe(0);
  });

  it('changes no row of an idle session, unless somebody sets the clock', async () => {
    const room = new Room();
    room.login(0, { lastShareAtMs: 900 });
    await room.filler.pass();
    const tick = room.board.settledTick;
    const changes = () => {
      let count = 0;
      room.board.changedSince(tick, 0, () => ++count > 0);
      return count;
    };
    room.nowMs += 1_000;
    room.wallOffsetMs += 3;
    await room.filler.pass();
    expect(changes()).toBe(0);
    room.wallOffsetMs += 60_000;
    await room.filler.pass();
    expect(changes()).toBe(1);
  });

  it('tells everybody once more when a reader begins', async () => {
    const room = new Room();
    room.login(0);
    await room.filler.pass();
    room.filler.retell();
    await room.filler.pass();
    expect(room.arrivals).toHaveLength(2);
    expect(room.filler.counts.connections).toBe(1);
  });
});
