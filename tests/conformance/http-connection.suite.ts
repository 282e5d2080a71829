/** What every HTTP engine has to do with connections: keep those of good clients, and let no client make it keep anything else. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodedAhead, encodingAnswers } from '../../src/api/content-coding.ts';
import {
  HTTP_LIMITS,
  type HttpEngine,
  type HttpEngineOptions,
  type HttpRequest,
} from '../../src/api/http-engine.ts';
import { failureResponse, LIVE_PATH } from '../../src/api/routes.ts';
import { NO_LIVE } from '../kit/no-live.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const BIG_BYTES = 200_000;

export function describeHttpConnections(
  name: string,
  start: (options: HttpEngineOptions) => Promise<HttpEngine>,
): void {
  describe(`connections of the HTTP engine ${name}`, () => {
    let engine: HttpEngine;
    let handled: Pick<HttpRequest, 'path' | 'origin' | 'host'>[];
    const sockets: Socket[] = [];

    async function serve(more: Partial<HttpEngineOptions> = {}): Promise<void> {
      await engine?.close();
      engine = await start({
        host: '127.0.0.1',
        port: 0,
        handle: encodingAnswers((request) => {
          handled.push(request);
          const body = request.path === '/big' ? 'x'.repeat(BIG_BYTES) : request.path;
          return { status: 200, headers: { 'content-type': 'image/png' }, body };
        }),
        failure: failureResponse,
        livePath: LIVE_PATH,
        live: NO_LIVE,
        limits: HTTP_LIMITS,
        onLiveDropped: () => {},
        ...more,
      });
    }
    function open(): { socket: Socket; text: () => string; closed: Promise<void> } {
      const socket = connect(engine.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {});
      let text = '';
      socket.setEncoding('latin1').on('data', (part: string) => (text += part));
      const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
      return { socket, text: () => text, closed };
    }
    const get = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`http://127.0.0.1:${engine.port}${path}`, init);
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    async function until(reached: () => boolean): Promise<void> {
      while (!reached()) await pause(2);
    }

    beforeEach(async () => {
      handled = [];
      await serve();
    });
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy();
      await engine.close();
    });

    it('keeps a connection open for the next request, until its client asks to close it', async () => {
      const { socket, text, closed } = open();
      for (const path of ['/one', '/two', '/three']) {
        socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await until(() => text().endsWith(path));
      }
      socket.write('GET /four HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      await closed;
      expect(text().match(/HTTP\/1\.1 200 OK/g)).toHaveLength(4);
    });

    it('sends a long answer to a client that reads it late, piece by piece, and takes his next request', async () => {
      const { socket, text } = open();
      for (let answers = 1; answers <= 3; answers++) {
        socket.pause();
        socket.write('GET /big HTTP/1.1\r\nHost: x\r\n\r\n');
        await pause(20);
        socket.resume();
        await until(() => text().match(/x{1000}/g)?.length === (answers * BIG_BYTES) / 1000);
      }
    });

    it('cuts a connection that sends the next requests before it has its answer, however many they are', async () => {
      const { socket, closed } = open();
      socket.write(REQUEST.repeat(20_000));
      await closed;
      expect(handled.length).toBeLessThan(3);
      expect((await get('/')).status).toBe(200);
    });

    it.each([0, BIG_BYTES])(
      'cuts a connection that asks again and again for %i bytes and reads no answer',
      async (bytes) => {
        // Long headers: even answers without a body add up.
        const headers = { 'x-long': 'y'.repeat(16_000) };
        await serve({
          handle: (request) => {
            handled.push(request);
            return { status: bytes === 0 ? 304 : 200, headers, body: 'x'.repeat(bytes) };
          },
        });
        const { socket, closed } = open();
        socket.pause();
        let gone = false;
        void closed.then(() => (gone = true));
        // Each only after the one before was answered: nobody pipelines here. Of its end a paused socket learns by writing.
        const answered = (): Promise<void> =>
          new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
        while (!gone) {
          const before = handled.length;
          socket.write(REQUEST);
          for (let turns = 0; !gone && handled.length === before && turns < 50; turns++) await answered();
          await answered();
        }
        // The kernel's buffers of both sides take some megabytes.
        expect(handled.length * (16_000 + bytes)).toBeLessThan(20_000_000);
        expect([200, 304]).toContain((await get('/')).status);
      },
    );

    it('closes after a body that nobody asked for, and keeps after one that was read', async () => {
      await serve({
        handle: async (request) => {
          if (request.path === '/read') await request.readBody();
          return { status: 200, headers: {}, body: request.path };
        },
      });
      const reading = open();
      for (const count of [1, 2]) {
        reading.socket.write('POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab');
        await until(() => reading.text().match(/\/read/g)?.length === count);
      }
      const unread = open();
      unread.socket.write('POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\nab');
      await unread.closed;
      expect(unread.text()).toMatch(/\/unread$/);
    });

    it('closes connections beyond its bound unread, and takes new ones when others leave', async () => {
      await serve({ limits: { ...HTTP_LIMITS, connectionsMax: 3 } });
      const kept = [open(), open(), open()];
      await Promise.all(kept.map(({ socket }) => once(socket, 'connect')));
      await open().closed;
      kept[0]!.socket.write(REQUEST);
      await until(() => kept[0]!.text().endsWith('/'));
      kept[1]!.socket.destroy();
      let answered = '';
      while (!answered.includes('200 OK')) {
        const next = open();
        next.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
        await next.closed;
        answered = next.text();
      }
    });

    // uWebSockets.js has its ten seconds built in; both kinds of dawdlers are tried at once.
    it('closes who dribbles headers and who says nothing, and answers others meanwhile', async () => {
      await serve({ limits: { ...HTTP_LIMITS, requestTimeoutMs: 1_000, keepAliveMs: 1_000 } });
      const dribbling = open();
      const silent = open();
      dribbling.socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-A: ');
      const drip = setInterval(() => dribbling.socket.write('a'), 200);
      silent.socket.write(REQUEST);
      expect((await get('/')).status).toBe(200);
      await Promise.all([dribbling.closed, silent.closed]);
      clearInterval(drip);
      expect(handled).toHaveLength(2);
      expect((await get('/')).status).toBe(200);
    }, 30_000);

    // uWebSockets.js waits its ten seconds for the end of some of these; all are tried at once.
    it('closes on requests that two servers could read in two ways, and answers nothing that is behind them', async () => {
      await serve({ limits: { ...HTTP_LIMITS, requestTimeoutMs: 1_000, keepAliveMs: 1_000 } });
      const behind = 'GET /behind HTTP/1.1\r\nHost: x\r\n\r\n';
      const post = 'POST /read HTTP/1.1\r\nHost: x\r\n';
      const ambiguous = [
        `${post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${behind}`,
        `${post}Content-Length: 4\r\nContent-Length: 0\r\n\r\nabcd${behind}`,
        `${post}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${behind}`,
        `${post}Content-Length: -4\r\n\r\nabcd${behind}`,
        `${post}Content-Length: 0x4\r\n\r\nabcd${behind}`,
        `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\nabcd\r\n0\r\n\r\n${behind}`,
        'GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET /a\rb HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET /a HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n',
        'GET /a HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\n\r\n',
        `GET /a HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(10_000)}\r\n`,
        'GET /a HTTP/1.1\r\n\r\n',
      ];
      const texts = await Promise.all(
        ambiguous.map(async (bytes) => {
          const { socket, text, closed } = open();
          socket.write(Buffer.from(bytes, 'latin1'));
          await closed;
          return text();
        }),
      );
      expect(handled.map(({ path }) => path)).not.toContain('/behind');
      // One whose head alone is sound may be answered before its body is seen; nothing is after that.
      for (const text of texts) expect(text.match(/200 OK/g)?.length ?? 0).toBeLessThan(2);
      expect((await get('/')).status).toBe(200);
    }, 30_000);

    it('sends texts encoded as the client accepts, with a weak ETag, and pictures and short texts as they are', async () => {
      const text = 'a text that is repeated. '.repeat(100);
      const ahead = encodedAhead(Buffer.from(text));
      await serve({
        handle: encodingAnswers(({ path }) => ({
          status: path === '/known' ? 304 : 200,
          headers: { 'content-type': path === '/png' ? 'image/png' : 'text/plain', etag: '"tag"' },
          body: path === '/short' ? 'short' : path === '/known' ? '' : text,
          ...(path === '/ahead' && { encoded: ahead }),
        })),
      });
      const ask = async (path: string, accepts: string): Promise<(string | null)[]> => {
        const response = await get(path, { headers: { 'accept-encoding': accepts } });
        const body = await response.text();
        if (response.status === 200 && path !== '/short') expect(body).toBe(text);
        return ['content-encoding', 'etag', 'vary'].map((header) => response.headers.get(header));
      };
      expect(await ask('/', 'gzip, br')).toEqual(['gzip', 'W/"tag"', 'accept-encoding']);
      expect(await ask('/ahead', 'gzip, deflate, br')).toEqual(['br', 'W/"tag"', 'accept-encoding']);
      expect(await ask('/ahead', 'gzip')).toEqual(['gzip', 'W/"tag"', 'accept-encoding']);
      expect(await ask('/known', 'gzip')).toEqual([null, 'W/"tag"', 'accept-encoding']);
      for (const accepts of ['identity', 'gzip;q=0, br;q=0.000', 'xgzip', '*'])
        expect(await ask('/ahead', accepts)).toEqual([null, '"tag"', 'accept-encoding']);
      expect(await ask('/short', 'gzip')).toEqual([null, '"tag"', 'accept-encoding']);
      expect(await ask('/png', 'gzip')).toEqual([null, '"tag"', null]);
      const { socket, text: raw, closed } = open();
      socket.write('HEAD / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n');
      await closed;
      const length = Number(/content-length: (\d+)/i.exec(raw())?.[1]);
      expect(length).toBeLessThan(text.length / 2);
      expect(gunzipSync(ahead!.gzip!).toString()).toBe(text);
    });

    it("tells a route the client's origin and host", async () => {
      await get('/', { headers: { origin: 'https://elsewhere.example' } });
      expect(handled[0]).toMatchObject({
        origin: 'https://elsewhere.example',
        host: `127.0.0.1:${engine.port}`,
      });
    });
  });
}
