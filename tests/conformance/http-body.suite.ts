/** What every HTTP engine has to do with the body of a request, and with who sends it. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { clientKey } from '../../src/api/client-key.ts';
import {
  HTTP_LIMITS,
  type HttpEngine,
  type HttpEngineOptions,
  type RequestBody,
} from '../../src/api/http-engine.ts';
import { failureResponse, LIVE_PATH } from '../../src/api/routes.ts';
import { NO_LIVE } from '../kit/no-live.ts';

export function describeHttpBodies(
  name: string,
  start: (options: HttpEngineOptions) => Promise<HttpEngine>,
): void {
  describe(`bodies by the HTTP engine ${name}`, () => {
    let engine: HttpEngine;
    afterEach(() => engine.close());

    async function serve(
      more: Partial<HttpEngineOptions> & Pick<HttpEngineOptions, 'handle'>,
    ): Promise<void> {
      engine = await start({
        host: '127.0.0.1',
        port: 0,
        failure: failureResponse,
        livePath: LIVE_PATH,
        live: NO_LIVE,
        limits: HTTP_LIMITS,
        onLiveDropped: () => {},
        ...more,
      });
    }
    const get = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`http://127.0.0.1:${engine.port}${path}`, init);

    /** All that comes back until the server closes. */
    async function answerTo(bytes: string): Promise<string> {
      const socket = connect(engine.port, '127.0.0.1');
      let text = '';
      socket.on('data', (part: Buffer) => (text += part.toString()));
      socket.write(bytes);
      await once(socket, 'close');
      return text;
    }

    it('reads a body that a route asks for, in however many pieces it comes', async () => {
      await serve({
        handle: async (request) => {
          const body = await request.readBody();
          return { status: 200, headers: {}, body: body.ok ? body.text : String(body.status) };
        },
      });
      expect(await (await get('/', { method: 'POST', body: '{"a":"\u00e9"}' })).text()).toBe(
        '{"a":"\u00e9"}',
      );
      expect(await (await get('/', { method: 'POST', body: '' })).text()).toBe('');
      const limit = HTTP_LIMITS.bodyMaxBytes;
      expect(await (await get('/', { method: 'POST', body: 'x'.repeat(limit) })).text()).toHaveLength(limit);
      for (const over of [limit + 1, 2_000_000])
        expect(await (await get('/', { method: 'POST', body: 'x'.repeat(over) })).text()).toBe('413');
      const socket = connect(engine.port, '127.0.0.1');
      let text = '';
      socket.on('data', (part: Buffer) => (text += part.toString()));
      socket.write('POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 6\r\n\r\n');
      for (const piece of ['ab', 'cd', 'ef']) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        socket.write(piece);
      }
      await once(socket, 'close');
      expect(text).toMatch(/\r\n\r\nabcdef$/);
    });

    it('does not wait for ever for a body, and lets go of one whose sender has left', async () => {
      const bodies: RequestBody[] = [];
      await serve({
        limits: { ...HTTP_LIMITS, requestTimeoutMs: 300 },
        handle: async (request) => {
          if (request.method === 'POST') bodies.push(await request.readBody());
          return failureResponse(408);
        },
      });
      const head = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n';
      expect(await answerTo(`${head}abc`)).toMatch(/^HTTP\/1\.1 408 /);
      const socket = connect(engine.port, '127.0.0.1');
      socket.write(head);
      await once(socket, 'connect');
      setTimeout(() => socket.destroy(), 50);
      while (bodies.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(bodies.every((body) => !body.ok)).toBe(true);
      expect((await get('/')).status).toBe(408);
    });

    it('tells a route who asks', async () => {
      await serve({
        handle: ({ peer, forwardedFor }) => ({
          status: 200,
          headers: {},
          body: clientKey(peer, forwardedFor),
        }),
      });
      expect(await (await get('/')).text()).toBe('127.0.0.1');
      const headers = { 'x-forwarded-for': '198.51.100.7, 2001:db8::1' };
      expect(await (await get('/', { headers })).text()).toBe('2001:db8:0:0');
      // The first is the client's own, the second of the proxy that adds one.
      const twice = 'x-forwarded-for: 198.51.100.7\r\nX-Forwarded-For: 203.0.113.9\r\n';
      expect(await answerTo(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${twice}\r\n`)).toContain(
        '\r\n\r\n203.0.113.9',
      );
    });
  });
}
