import { afterEach, describe, expect, it, vi } from 'vitest';
import type { LiveSocket, RequestHead } from '../../../src/api/http-engine.ts';
import { LiveHub } from '../../../src/api/live/live-hub.ts';
import { type MinerLive, MinerWatch } from '../../../src/api/live/miner-watch.ts';
import { OriginRule } from '../../../src/api/origin-rule.ts';
import type { LiveWorker } from '../../../src/live/engine-feed.ts';
import { noEngines } from '../../../src/live/no-engines.ts';

const ADDRESS = 'kaspa:a';
const HEAD = { peer: '127.0.0.1', forwardedFor: '', query: `topics=miner:${ADDRESS}` } as RequestHead;

const openHub = (nowMs: () => number): LiveHub =>
  new LiveHub({
    origins: new OriginRule(['*']),
    addressOf: (text) => text,
    refusal: (status) => ({ status, headers: {}, body: '' }),
    clientsMax: 10,
    nowMs,
  });

describe('the topic of a miner', () => {
  it('tells that its hashrate falls when it stops, and with it all that there was in the pool', () => {
    let nowMs = 1_000_000;
    let changed: (addresses: ReadonlySet<string>) => void = () => {};
    const connection: LiveWorker = {
      ...{
        instance: 'a',
        worker: 'rig',
        agent: '',
        dialect: 'default',
        portIndex: 0,
        port: '',
        difficulty: 1,
      },
      ...{ connectedAtUnixMs: 1, lastShareAtUnixMs: 0, accepted: 0, rejected: {}, creditedDifficulty: 0 },
    };
    let own: LiveWorker = connection;
    const feed = {
      ...noEngines(),
      workersOf: () => [own],
      onChanged: (listener: typeof changed) => {
        changed = listener;
        return () => {};
      },
    };
    const hub = openHub(() => nowMs);
    const told: MinerLive[] = [];
    hub.attach({ publish: (_, text) => told.push((JSON.parse(text) as { data: MinerLive }).data) });
    const watch = new MinerWatch(hub, feed, () => nowMs);
    const socket: LiveSocket = { send() {}, subscribe() {}, unsubscribe() {}, close() {} };
    hub.open(socket, HEAD);
    nowMs += 1_000;
    own = { ...connection, creditedDifficulty: 100, accepted: 1 };
    changed(new Set([ADDRESS]));
    expect(told.at(-1)!.hashrate).toBeGreaterThan(0);
    // Nothing changes any more, so nobody calls back.
    for (let second = 0; second < 90; second++) {
      nowMs += 1_000;
      watch.tick();
    }
    expect(told.at(-1)!.hashrate).toBe(0);
    expect(told.length).toBeLessThan(15);
    watch.close();
  });

  it('tells very many in slices, each once, and nobody after its end', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let changed: (addresses: ReadonlySet<string>) => void = () => {};
    const feed = {
      ...noEngines(),
      onChanged: (listener: typeof changed) => {
        changed = listener;
        return () => {};
      },
    };
    const hub = openHub(() => 1_000);
    const told: string[] = [];
    hub.attach({ publish: (channel) => told.push(channel) });
    const watch = new MinerWatch(hub, feed, () => 1_000);
    const addresses = Array.from({ length: 80 }, (_, index) => `kaspa:${index}`);
    for (let from = 0; from < addresses.length; from += 8) {
      const topics = addresses.slice(from, from + 8).map((address) => `miner:${address}`);
      const socket: LiveSocket = { send() {}, subscribe() {}, unsubscribe() {}, close() {} };
      hub.open(socket, { ...HEAD, query: `topics=${topics.join(',')}` });
    }
    told.length = 0;
    changed(new Set(addresses));
    const atOnce = told.length;
    expect(atOnce).toBeGreaterThan(0);
    expect(atOnce).toBeLessThan(80);
    vi.advanceTimersByTime(1_000);
    expect(told).toHaveLength(80);
    expect(new Set(told).size).toBe(80);
    changed(new Set(addresses));
    watch.close();
    vi.advanceTimersByTime(1_000);
    expect(told).toHaveLength(80 + atOnce);
  });
});

afterEach(() => vi.useRealTimers());
