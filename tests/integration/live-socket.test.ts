import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LiveDesk } from '../../src/api/live-desk.ts';
import { Verdict } from '../../src/domain/share.ts';
import { createRegistry } from '../../src/kit/metrics.ts';
import type { SlotDiary } from '../../src/live/engine-board.ts';
import type { EngineInside } from '../../src/live/engine-report.ts';
import { LiveBoard, newBoardRow } from '../../src/live/live-board.ts';
import { FrameKind, jsonFrame, LIVE_MAGIC, LIVE_VERSION } from '../../src/live/live-frames.ts';
import { SocketFeed } from '../../src/live/socket-feed.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { SAMPLE } from '../unit/api/sample-snapshot.ts';

const INSIDE = {} as EngineInside;
const CAPACITY = 20_000;

let folder: string;
let closers: (() => unknown)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-live-'));
  closers = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

/** An engine's API thread, with a board that the test fills. */
class Engine {
  readonly board = new LiveBoard(CAPACITY);
  readonly faults: string[] = [];
  readonly asked: number[] = [];
  isSilent = false;
  readonly desk: LiveDesk;

  constructor(instance: string) {
    this.desk = new LiveDesk({
      ...{ instance, directory: folder, boardBuffer: this.board.buffer, capacity: CAPACITY },
      registry: createRegistry(),
      metrics: async () => (this.isSilent ? undefined : `of_${instance} 1\n`),
      onFault: (fault) => this.faults.push(fault),
      askDiaries: (id, connections) => {
        this.asked.push(connections.length);
        if (this.isSilent) return;
        const diaries = connections.map(
          (connection): SlotDiary => ({
            ...{ ...connection, secondsConnected: 9, difficultyLog2: 3 },
            events: [{ kind: 'refused', msAgo: 5, verdict: 'stale_job' }],
          }),
        );
        this.desk.take({ kind: 'diaries', id, diaries });
      },
    });
    closers.push(() => this.desk.close());
  }

  login(slot: number, address: string, worker = `rig${slot}`): void {
    this.share(slot, 0);
    const names = { address, worker, agent: 'miner/1', dialect: 'default' };
    this.desk.take({ kind: 'arrived', arrivals: [{ slot, generation: 1, ...names }] });
  }

  share(slot: number, accepted: number, stale = 0): void {
    const row = newBoardRow();
    row.generation = 1;
    row.difficultyLog2 = 3;
    row.accepted = accepted;
    row.creditedDifficulty = 8 * accepted;
    row.rejected[Verdict.StaleJob] = stale;
    this.board.beginPass();
    this.board.write(slot, row);
    this.board.endPass();
  }

  logout(slot: number): void {
    this.board.beginPass();
    this.board.clear(slot);
    this.board.endPass();
  }

  report(miners = 1): void {
    this.desk.reported({ ...SAMPLE, miners }, INSIDE);
  }
}

async function engineUp(instance: string): Promise<Engine> {
  const engine = new Engine(instance);
  await engine.desk.open();
  return engine;
}

function readFolder(): { feed: SocketFeed; faults: string[]; changed: Set<string> } {
  const faults: string[] = [];
  const changed = new Set<string>();
  const feed = new SocketFeed({ directory: folder, onFault: (fault) => faults.push(fault), lookEveryMs: 20 });
  feed.onChanged((addresses) => {
    for (const address of addresses) changed.add(address);
  });
  closers.push(() => feed.close());
  return { feed, faults, changed };
}

/** A reader that the test plays by hand. */
async function rawReader(instance: string): Promise<Socket> {
  const socket = connect(join(folder, `${instance}.sock`));
  socket.on('error', () => {});
  closers.push(() => socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}
const HELLO = jsonFrame(FrameKind.Hello, { magic: LIVE_MAGIC, version: LIVE_VERSION });
const gone = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

describe('the live socket', () => {
  it('tells a reader everything when it comes, and then what changes', async () => {
    const engine = await engineUp('one');
    engine.login(0, 'kaspa:a');
    engine.login(7, 'kaspa:b', '<i>');
    engine.report(2);
    const { feed, changed } = readFolder();
    await pollUntil('all are there', () => feed.counts().connections === 2);
    engine.report(2);
    await pollUntil('it reports', () => feed.engines()[0]?.snapshot.miners === 2);
    await pollUntil('rows are there', () => feed.workersOf('kaspa:b').length === 1);
    expect(feed.workersOf('kaspa:b')[0]).toMatchObject({
      ...{ instance: 'one', worker: '<i>', agent: 'miner/1', port: SAMPLE.ports[0]!.label, difficulty: 8 },
      ...{ accepted: 0, rejected: {} },
    });
    await pollUntil('both have changed', () => changed.size === 2);
    changed.clear();
    engine.share(7, 3, 2);
    engine.report();
    await pollUntil('the share is told', () => feed.workersOf('kaspa:b')[0]?.accepted === 3);
    expect(feed.workersOf('kaspa:b')[0]).toMatchObject({
      rejected: { stale_job: 2 },
      creditedDifficulty: 24,
    });
    engine.logout(0);
    engine.report();
    await pollUntil('it has left', () => feed.counts().connections === 1);
    engine.report();
    await pollUntil('that is told', () => changed.has('kaspa:a') && changed.has('kaspa:b'));
    expect(feed.workersOf('kaspa:a')).toEqual([]);
  });

  it('carries every session of a large engine to a reader that is slow', { timeout: 30_000 }, async () => {
    const engine = await engineUp('one');
    for (let slot = 0; slot < CAPACITY; slot++) engine.login(slot, `kaspa:${slot % 500}`);
    const slow = await rawReader('one');
    slow.write(HELLO);
    slow.pause();
    const { feed } = readFolder();
    await pollUntil('all are there', () => {
      engine.report();
      return feed.counts().connections === CAPACITY;
    });
    await pollUntil('their rows as well', () => feed.workersOf('kaspa:7').length === CAPACITY / 500);
    expect(feed.counts()).toMatchObject({ addresses: 500, workers: CAPACITY });
  });

  it('joins engines, and drops the connections of one that ends', async () => {
    const one = await engineUp('one');
    const two = await engineUp('two');
    const { feed, changed } = readFolder();
    for (const engine of [one, two]) {
      engine.login(0, 'kaspa:a', 'same');
      engine.report();
    }
    await pollUntil('both are there', () => feed.counts().connections === 2);
    expect(feed.counts()).toEqual({ connections: 2, addresses: 1, workers: 1 });
    changed.clear();
    await two.desk.close();
    await pollUntil('one is left', () => feed.counts().connections === 1);
    expect(changed).toEqual(new Set(['kaspa:a']));
    await pollUntil('the first is there', () => feed.workersOf('kaspa:a')[0]?.instance === 'one');
    const again = await engineUp('two');
    again.login(3, 'kaspa:b');
    again.report();
    await pollUntil('it is back', () => feed.counts().addresses === 2);
  });

  it('answers questions, and says so when its engine does not', async () => {
    const engine = await engineUp('one');
    for (let slot = 0; slot < 30; slot++) {
      engine.login(slot, 'kaspa:a');
      engine.share(slot, 0, slot);
    }
    engine.report();
    const { feed } = readFolder();
    await pollUntil('all are there', () => feed.workersOf('kaspa:a').length === 30);
    const diaries = await feed.diariesOf('kaspa:a');
    expect(diaries).toHaveLength(20);
    // Those with the most refusals.
    expect(diaries[0]).toMatchObject({
      worker: 'rig29',
      instance: 'one',
      events: [{ verdict: 'stale_job' }],
    });
    expect(engine.asked).toEqual([20]);
    expect(await feed.metricsOf('one')).toBe('of_one 1\n');
    expect(await feed.metricsOf('two')).toBeUndefined();
    expect(await feed.diariesOf('kaspa:nobody')).toEqual([]);
    engine.isSilent = true;
    await expect(feed.metricsOf('one')).rejects.toThrow('the engine does not answer');
    await expect(feed.diariesOf('kaspa:a')).rejects.toThrow('no engine answers');
  });

  it('closes on readers that talk nonsense, and goes on for the others', async () => {
    const engine = await engineUp('one');
    engine.login(0, 'kaspa:a');
    engine.report();
    const { feed } = readFolder();
    await pollUntil('it is there', () => feed.counts().connections === 1);
    const nonsense = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.alloc(64),
      Buffer.from([255, 255, 255, 255, FrameKind.Hello]),
      jsonFrame(FrameKind.Question, { id: 1, about: 'metrics' }),
      jsonFrame(FrameKind.Hello, { magic: LIVE_MAGIC, version: 2 }),
      Buffer.concat([HELLO, jsonFrame(FrameKind.Report, {})]),
      Buffer.concat([HELLO, jsonFrame(FrameKind.Question, { about: 'metrics' })]),
    ];
    for (const bytes of nonsense) {
      const reader = await rawReader('one');
      const ended = gone(reader);
      reader.resume();
      reader.write(bytes);
      await ended;
    }
    expect(engine.faults).toHaveLength(nonsense.length);
    engine.share(0, 5);
    engine.report();
    await pollUntil('the other still reads', () => feed.workersOf('kaspa:a')[0]?.accepted === 5);
  });

  it('is left, complained about once, and tried again by a reader where something else answers', async () => {
    const junk = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end(jsonFrame(FrameKind.Rows, [])),
    );
    junk.listen(join(folder, 'one.sock'));
    const { feed, faults } = readFolder();
    await pollUntil('it complains', () => faults.length === 1);
    expect(faults[0]).toContain('it does not say hello');
    await new Promise((resolve) => junk.close(resolve));
    const engine = await engineUp('one');
    await pollUntil('it reads', () => {
      engine.report();
      return feed.engines().length === 1;
    });
    expect(faults).toHaveLength(1);
  });

  it('replaces what a dead engine left, and nothing else', async () => {
    const path = join(folder, 'one.sock');
    const { spawnSync } = await import('node:child_process');
    // A process that is killed leaves its socket.
    spawnSync(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    expect(lstatSync(path).isSocket()).toBe(true);
    const engine = await engineUp('one');
    expect(lstatSync(path).mode & 0o777).toBe(0o660);
    await expect(new Engine('one').desk.open()).rejects.toMatchObject({
      code: 'SLUICE_LIVE_SOCKET',
      message: expect.stringContaining('another engine listens'),
    });
    await engine.desk.close();
    expect(readdirSync(folder)).toEqual([]);
    const precious = join(folder, 'precious');
    writeFileSync(precious, 'mine');
    symlinkSync(precious, path);
    await expect(new Engine('one').desk.open()).rejects.toMatchObject({ code: 'SLUICE_LIVE_SOCKET' });
    expect(existsSync(precious)).toBe(true);
    await expect(new Engine('x'.repeat(120)).desk.open()).rejects.toThrow('longer than');
    mkdirSync(join(folder, `.two.${process.pid}`));
    await expect(new Engine('two').desk.open()).rejects.toMatchObject({
      code: 'SLUICE_LIVE_SOCKET',
      message: expect.stringContaining('cannot be listened on'),
    });
  });
});
