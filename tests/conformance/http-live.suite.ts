/** What every HTTP engine has to do with live sockets, with the real hub behind it. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { HTTP_LIMITS, type HttpEngine, type HttpEngineOptions } from '../../src/api/http-engine.ts';
import { AUDIENCE_PACE } from '../../src/api/live/audience.ts';
import { LiveHub, type LiveHubOptions } from '../../src/api/live/live-hub.ts';
import { OriginRule } from '../../src/api/origin-rule.ts';
import { failureResponse, LIVE_PATH } from '../../src/api/routes.ts';

const SMALL_BACKLOG_BYTES = 20_000;

export function describeHttpLive(
  name: string,
  start: (options: HttpEngineOptions) => Promise<HttpEngine>,
): void {
  describe(`live sockets of the HTTP engine ${name}`, () => {
    let engine: HttpEngine | undefined;
    let hub: LiveHub;
    let dropped: number;
    const clients: WebSocket[] = [];

    async function serve(more: Partial<LiveHubOptions> = {}, liveBacklogMaxBytes = 65_536): Promise<void> {
      await engine?.close();
      hub = new LiveHub({
        origins: new OriginRule(['https://dashboard.example']),
        addressOf: (text) => (text.startsWith('kaspa:q') ? text.toLowerCase() : undefined),
        refusal: failureResponse,
        clientsMax: 100,
        nowMs: Date.now,
        ...more,
      });
      engine = await start({
        host: '127.0.0.1',
        port: 0,
        handle: () => ({ status: 200, headers: {}, body: 'ok' }),
        failure: failureResponse,
        livePath: LIVE_PATH,
        live: hub,
        limits: { ...HTTP_LIMITS, liveBacklogMaxBytes },
        onLiveDropped: () => dropped++,
      });
      hub.attach(engine);
    }

    /** Its messages come out one by one, in order. */
    async function open(
      topics = '',
      headers: Record<string, string> = {},
    ): Promise<{
      client: WebSocket;
      next: () => Promise<Record<string, unknown>>;
      closed: Promise<number>;
    }> {
      const client = new WebSocket(`ws://127.0.0.1:${engine!.port}${LIVE_PATH}${topics}`, { headers });
      clients.push(client);
      client.on('error', () => {});
      const messages: string[] = [];
      client.on('message', (bytes: Buffer) => messages.push(bytes.toString()));
      const closed = new Promise<number>((resolve) => client.on('close', resolve));
      const next = async (): Promise<Record<string, unknown>> => {
        while (messages.length === 0) await once(client, 'message');
        return JSON.parse(messages.shift()!) as Record<string, unknown>;
      };
      await once(client, 'open');
      return { client, next, closed };
    }
    /** The answer to an upgrade, however odd. */
    async function upgrade(head: string): Promise<string> {
      const socket = connect(engine!.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write(
        `GET ${LIVE_PATH} HTTP/1.1\r\nHost: Pool.Example:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${head}\r\n`,
      );
      const [first] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      return first.toString('latin1').split('\r\n')[0]!;
    }
    async function until(reached: () => boolean): Promise<void> {
      while (!reached()) await new Promise((resolve) => setTimeout(resolve, 2));
    }

    beforeEach(async () => {
      dropped = 0;
      await serve();
    });
    afterEach(async () => {
      for (const client of clients.splice(0)) client.terminate();
      await engine?.close();
      engine = undefined;
    });

    it('sends a topic to whom it was subscribed, with a rising sequence, and the last message at once', async () => {
      hub.publish('pool', { miners: 1 });
      const asked = await open('?topics=pool,blocks');
      expect(await asked.next()).toMatchObject({ topic: 'pool', sequence: 1, data: { miners: 1 } });
      const later = await open();
      hub.publish('pool', { miners: 2 });
      const { at, ...second } = await asked.next();
      expect(second).toEqual({ topic: 'pool', sequence: 2, data: { miners: 2 } });
      expect(Math.abs(Date.now() - Date.parse(String(at)))).toBeLessThan(60_000);
      later.client.send('{"subscribe":["pool"]}');
      expect(await later.next()).toMatchObject({ sequence: 2 });
      hub.publish('blocks', { hash: 'ab' });
      hub.publish('pool', { miners: 3 });
      expect(await later.next()).toMatchObject({ topic: 'pool', data: { miners: 3 } });
      expect(await asked.next()).toMatchObject({ topic: 'blocks', data: { hash: 'ab' } });
      expect(await asked.next()).toMatchObject({ topic: 'pool', data: { miners: 3 } });
      asked.client.send('{"unsubscribe":["pool"]}');
      later.client.close();
      await until(() => hub.wanted('blocks') && !hub.wanted('pool'));
    });

    it('tells many in slices: each viewer once, all news in order, and never an older text after a newer one', async () => {
      await serve({ pace: { ...AUDIENCE_PACE, groupViewersMax: 2, groupEveryMs: 3 } });
      hub.publish('pool', { second: 0 });
      const opened = await Promise.all(Array.from({ length: 9 }, () => open('?topics=pool,blocks')));
      const heard = opened.map(({ client }) => {
        const messages: { topic: string; sequence: number; data: Record<string, unknown> }[] = [];
        client.on('message', (bytes: Buffer) => messages.push(JSON.parse(bytes.toString())));
        return messages;
      });
      for (const { next } of opened) expect(await next()).toMatchObject({ data: { second: 0 } });
      hub.publish('pool', { second: 1 });
      await until(() => heard.every((messages) => messages.at(-1)?.data.second === 1));
      for (let block = 1; block <= 20; block++) {
        hub.publish('blocks', { block });
        if (block % 5 === 0) hub.publish('pool', { second: 1 + block / 5 });
        if (block % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
      const last = (messages: (typeof heard)[0], topic: string) =>
        messages.findLast((message) => message.topic === topic)?.data;
      await until(() =>
        heard.every((one) => last(one, 'blocks')?.block === 20 && last(one, 'pool')?.second === 5),
      );
      for (const messages of heard) {
        const blocks = messages.filter(({ topic }) => topic === 'blocks');
        expect(blocks.map(({ data }) => data.block)).toEqual(
          Array.from({ length: 20 }, (_, index) => index + 1),
        );
        const pool = messages.filter(({ topic }) => topic === 'pool').map(({ sequence }) => sequence);
        expect(pool).toEqual([...new Set(pool)].sort((one, other) => one - other));
      }
    });

    it('gives who comes while others are still being told the last text at once, and only once', async () => {
      // The second group's turn would come in ten minutes.
      await serve({
        pace: { ...AUDIENCE_PACE, groupViewersMax: 1, groupEveryMs: 600_000, roundMs: 2_000_000 },
      });
      const one = await open('?topics=pool');
      const other = await open('?topics=pool');
      hub.publish('pool', { second: 1 });
      expect(await one.next()).toMatchObject({ data: { second: 1 } });
      const late = await open('?topics=pool');
      expect(await late.next()).toMatchObject({ data: { second: 1 } });
      let more = 0;
      for (const { client } of [one, other, late]) client.on('message', () => more++);
      one.client.close();
      other.client.close();
      await until(() => hub.clients === 1);
      hub.publish('pool', { second: 2 });
      expect(await late.next()).toMatchObject({ data: { second: 2 } });
      expect(more).toBe(1);
    });

    it('keeps the topic of a miner as long as it is watched, and asks for its first message', async () => {
      const wanted: string[] = [];
      hub.onWanted = (topic) => {
        wanted.push(topic);
        if (topic.startsWith('miner:')) hub.publish(topic, { workers: 1 });
      };
      hub.publish('miner:kaspa:qa', { nobody: 'watches' });
      const one = await open('?topics=miner%3Akaspa%3AqA,miner:kaspa:qb');
      expect(await one.next()).toMatchObject({ topic: 'miner:kaspa:qa', data: { workers: 1 } });
      expect(await one.next()).toMatchObject({ topic: 'miner:kaspa:qb' });
      const other = await open('?topics=miner:kaspa:qa');
      expect(await other.next()).toMatchObject({ topic: 'miner:kaspa:qa' });
      expect(wanted).toEqual(['miner:kaspa:qa', 'miner:kaspa:qb']);
      expect([...hub.watchedMiners()]).toEqual(['kaspa:qa', 'kaspa:qb']);
      one.client.send('{"unsubscribe":["miner:kaspa:qb", "miner:kaspa:qa"]}');
      await until(() => !hub.wanted('miner:kaspa:qb'));
      expect(hub.wanted('miner:kaspa:qa')).toBe(true);
      other.client.close();
      await other.closed;
      await until(() => [...hub.watchedMiners()].length === 0);
      expect(hub.clients).toBe(1);
    });

    it('says what is wrong with a message or a topic, and closes after a few', async () => {
      const { client, next, closed } = await open('?topics=pol');
      expect(await next()).toMatchObject({ topic: 'pol', error: 'topic-unknown' });
      for (const text of ['{"subscribe":"pool"}', '{"subscribe":["pool"],"more":1}', '{']) {
        client.send(text);
        expect(await next()).toMatchObject({ topic: null, error: 'message-malformed' });
      }
      client.send(Buffer.from('{"subscribe":["pool"]}'));
      expect(await next()).toMatchObject({ error: 'message-malformed' });
      expect(await closed).toBe(1008);
      expect(hub.wanted('pool')).toBe(false);
      await until(() => hub.clients === 0);
    });

    it('takes eight topics of a socket, and closes one that never stops asking', async () => {
      const nine = Array.from({ length: 9 }, (_, index) => `miner:kaspa:q${index}`);
      const { client, next, closed } = await open();
      client.send(JSON.stringify({ subscribe: nine }));
      expect(await next()).toMatchObject({ topic: 'miner:kaspa:q8', error: 'topics-too-many' });
      for (let turn = 0; turn < 40; turn++) client.send('{"unsubscribe":["pool"]}');
      expect(await closed).toBe(1008);
      await until(() => [...hub.watchedMiners()].length === 0);
    });

    it('survives an address full of unknown topics, and closes that socket', async () => {
      const { closed } = await open(`?topics=pool,${'x,'.repeat(400)}blocks`);
      expect(await closed).toBe(1008);
      await until(() => hub.clients === 0);
      expect(hub.wanted('pool') || hub.wanted('blocks')).toBe(false);
    });

    it.each([
      ['that is told with all others', AUDIENCE_PACE],
      ['among many that are told in slices', { ...AUDIENCE_PACE, groupViewersMax: 1, groupEveryMs: 1 }],
    ])('cuts a live socket %s and does not read, and only that one', async (_, pace) => {
      await serve({ pace }, SMALL_BACKLOG_BYTES);
      const slow = await open('?topics=pool');
      const quick = await open('?topics=pool');
      let received = 0;
      quick.client.on('message', () => received++);
      slow.client.pause();
      // Until the kernel's buffers and ours are full; a megabyte at a time would hide where the bound lies.
      for (let sent = 1; hub.clients === 2; sent++) {
        hub.publish('pool', 'x'.repeat(15_000));
        await until(() => received >= sent);
      }
      expect(dropped).toBe(1);
      expect(quick.client.readyState).toBe(WebSocket.OPEN);
    });

    it('closes a live socket that sends more than its bound, and goes on serving others', async () => {
      const { client, closed } = await open();
      client.send('x'.repeat(5_000));
      expect([1006, 1009]).toContain(await closed);
      expect((await fetch(`http://127.0.0.1:${engine!.port}/`)).status).toBe(200);
    });

    it('takes live sockets of its own pages, of origins that are named and of programs, and no others', async () => {
      for (const origin of [
        '',
        'Origin: http://pool.example:8080\r\n',
        'Origin: HTTP://POOL.EXAMPLE:8080\r\n',
        'Origin: https://dashboard.example\r\n',
      ])
        expect(await upgrade(origin)).toBe('HTTP/1.1 101 Switching Protocols');
      for (const origin of [
        'null',
        'https://elsewhere.example',
        'https://dashboard.example.elsewhere.example',
        'https://pool.example:8080@elsewhere.example',
        'http://dashboard.example',
        'https://dashboard.example/',
        'pool.example:8080',
      ])
        expect(await upgrade(`Origin: ${origin}\r\n`)).toBe('HTTP/1.1 403 Forbidden');
    });

    it('refuses live sockets beyond its bounds: of all, and of one address', async () => {
      await serve({ clientsMax: 1 });
      await open();
      expect(await upgrade('')).toBe('HTTP/1.1 503 Service Unavailable');
      const limits = { clientsPerAddressMax: 1, topicsPerSocketMax: 8, minersMax: 10, faultsMax: 3 };
      await serve({ limits: { ...limits, messageBurst: 5, messagesPerSecond: 1 } });
      await open('', { 'x-forwarded-for': '192.0.2.1' });
      expect(await upgrade('X-Forwarded-For: 192.0.2.1\r\n')).toBe('HTTP/1.1 429 Too Many Requests');
      expect(await upgrade('X-Forwarded-For: 192.0.2.2\r\n')).toBe('HTTP/1.1 101 Switching Protocols');
    });

    it('cuts who sends thousands of upgrades that are refused and reads nothing', async () => {
      const socket = connect(engine!.port, '127.0.0.1');
      socket.on('error', () => {});
      const one = `GET ${LIVE_PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: null\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
      socket.write(one.repeat(5_000));
      let text = '';
      socket.on('data', (part: Buffer) => (text += part.toString('latin1')));
      await new Promise<void>((resolve) => socket.on('close', () => resolve()));
      expect(text.length).toBeLessThan(5_000);
      expect((await fetch(`http://127.0.0.1:${engine!.port}/`)).status).toBe(200);
    });
  });
}
