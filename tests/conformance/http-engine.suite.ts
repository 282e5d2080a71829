/** What every HTTP engine has to do, with the real routes and the real page behind it. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { HTTP_LIMITS, type HttpEngine, type HttpEngineOptions } from '../../src/api/http-engine.ts';
import { OriginRule } from '../../src/api/origin-rule.ts';
import { loadPageAssets } from '../../src/api/page-assets.ts';
import { publish } from '../../src/api/published.ts';
import { createRoutes, failureResponse, LIVE_PATH } from '../../src/api/routes.ts';
import { NO_LIVE } from '../kit/no-live.ts';
import { SAMPLE_TERMS, snapshotReads } from '../kit/sample-terms.ts';
import { SAMPLE } from '../unit/api/sample-snapshot.ts';

export function describeHttpEngine(
  name: string,
  start: (options: HttpEngineOptions) => Promise<HttpEngine>,
): void {
  describe(`the HTTP engine ${name}`, () => {
    let engine: HttpEngine;
    const assets = loadPageAssets();
    let published = publish(SAMPLE, 0);
    let nowMs = 0;
    let scrape: () => Promise<string | undefined>;
    const clients: WebSocket[] = [];

    const options = (more: Partial<HttpEngineOptions> = {}): HttpEngineOptions => ({
      host: '127.0.0.1',
      port: 0,
      handle: createRoutes({
        published: () => published,
        reads: snapshotReads(() => published.snapshot),
        terms: SAMPLE_TERMS,
        assets,
        scrape: () => scrape(),
        origins: new OriginRule(['*']),
        nowMs: () => nowMs,
        wallClock: Date.now,
        staleAfterMs: 5_000,
      }),
      failure: failureResponse,
      livePath: LIVE_PATH,
      live: NO_LIVE,
      limits: HTTP_LIMITS,
      onLiveDropped: () => {},
      ...more,
    });
    const url = (path: string): string => `http://127.0.0.1:${engine.port}${path}`;
    const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(url(path), init);

    async function restart(more: Partial<HttpEngineOptions>): Promise<void> {
      await engine.close();
      engine = await start(options(more));
    }

    /** Sends bytes as they are; resolves with all that comes back until the server closes, or `enough` of it. */
    async function raw(bytes: string, enough = (_: string): boolean => false): Promise<string> {
      const socket = connect(engine.port, '127.0.0.1');
      socket.on('error', () => {});
      let text = '';
      socket.setEncoding('latin1');
      const done = new Promise<void>((resolve) => {
        socket.on('close', () => resolve());
        socket.on('data', (part: string) => {
          text += part;
          if (enough(text)) resolve();
        });
      });
      socket.write(bytes);
      await done;
      socket.destroy();
      return text;
    }

    beforeEach(async () => {
      published = publish(SAMPLE, 0);
      nowMs = 0;
      scrape = () => Promise.resolve('sluice_shares_total 7\n');
      engine = await start(options());
    });
    afterEach(async () => {
      for (const client of clients.splice(0)) client.terminate();
      await engine.close();
    });

    it('serves the page with its numbers as text, under a policy that allows nothing from outside', async () => {
      const response = await get('/');
      const html = await response.text();
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(html).toContain('2.30\u00a0PH/s');
      expect(html).toContain('1\u00a0234\u00a0567');
      expect(html).not.toContain('<img src=x');
      expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'self';/);
    });

    it('serves every file of the page, and answers 304 to who has it already', async () => {
      for (const [file, type] of [
        ['pages.css', 'text/css'],
        ['app.js', 'text/javascript'],
        ['home-page.js', 'text/javascript'],
        ['uplot.js', 'text/javascript'],
        ['icon.svg', 'image/svg+xml'],
      ]) {
        const response = await get(assets.folder + file);
        expect(response.status).toBe(200);
        expect(response.headers.get('content-type')).toContain(type);
        expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(50);
        const again = await get(assets.folder + file, {
          headers: { 'if-none-match': response.headers.get('etag')! },
        });
        expect(again.status).toBe(304);
        expect(await again.text()).toBe('');
      }
    });

    it('serves the snapshot as JSON to any origin, with an ETag that changes with it', async () => {
      const response = await get('/api/v1/pool');
      expect(await response.json()).toMatchObject({ miners: SAMPLE.miners, hashrate: SAMPLE.hashrate });
      expect(response.headers.get('content-type')).toBe('application/json');
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      const etag = response.headers.get('etag')!;
      const unchanged = await get('/api/v1/pool', { headers: { 'if-none-match': etag } });
      expect(unchanged.status).toBe(304);
      await unchanged.text();
      published = publish({ ...SAMPLE, miners: 1 }, 0);
      // An answer is kept for a second.
      nowMs = 1_500;
      const changed = await get('/api/v1/pool', { headers: { 'if-none-match': etag } });
      expect(changed.status).toBe(200);
      expect((await changed.json()) as object).toMatchObject({ miners: 1 });
    });

    it('serves metrics, and 503 when the engine does not answer', async () => {
      const response = await get('/metrics');
      expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(await response.text()).toBe('sluice_shares_total 7\n');
      scrape = () => Promise.resolve(undefined);
      const failed = await get('/metrics');
      expect(failed.status).toBe(503);
      expect(failed.headers.get('content-type')).toBe('application/problem+json');
      await failed.text();
    });

    it('says that it lives, whether it is ready, and if not why', async () => {
      expect((await get('/healthz')).status).toBe(200);
      expect(await (await get('/readyz')).json()).toEqual({ ready: true, reasons: [] });
      published = publish({ ...SAMPLE, ready: { ok: false, reasons: ['no synced node'] } }, 0);
      const notReady = await get('/readyz');
      expect(notReady.status).toBe(503);
      expect(await notReady.json()).toMatchObject({ ready: false, reasons: ['no synced node'] });
      published = publish(SAMPLE, 0);
      nowMs = 6_000;
      expect(await (await get('/readyz')).json()).toMatchObject({
        reasons: ['no word of the engine for 6 s'],
      });
    });

    it('answers HEAD with the length and without the body', async () => {
      const response = await get('/api/v1/pool', { method: 'HEAD' });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-length')).toBe(
        String((await (await get('/api/v1/pool')).text()).length),
      );
      expect(await response.text()).toBe('');
    });

    it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('answers %s with 405 and what is allowed', async (method) => {
      const body = method === 'DELETE' ? {} : { body: 'x'.repeat(100_000) };
      const response = await get('/api/v1/pool', { method, ...body });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
      expect(await response.json()).toMatchObject({ type: '/problems/method-not-allowed', status: 405 });
    });

    it('answers OPTIONS without a body', async () => {
      const response = await get('/api/v1/pool', { method: 'OPTIONS' });
      expect(response.status).toBe(204);
      expect(await response.text()).toBe('');
    });

    it.each([
      '/nope',
      '/assets/index.html',
      '/assets/../index.html',
      '/assets/%2e%2e/snapshot.ts',
      '//',
      '/API/V1/POOL',
    ])('answers %s with 404 and a problem document that repeats nothing of the request', async (path) => {
      const text = await raw(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, (sofar) =>
        sofar.endsWith('}\n'),
      );
      expect(text).toMatch(/^HTTP\/1\.1 404 /);
      expect(text.toLowerCase()).toContain('content-type: application/problem+json');
      expect(text).toContain('"/problems/not-found"');
      if (path.length > 3) expect(text).not.toContain(path);
    });

    it('answers who looks for a page where none is with one that leads home, and programs with a problem', async () => {
      const html = { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } };
      const page = await get('/minerz', html);
      expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
      expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
      const text = await page.text();
      expect(text).toContain('<a href="/">To the pool</a>');
      expect(text).not.toContain('minerz');
      expect((await get('/minerz', { ...html, method: 'HEAD' })).status).toBe(404);
      for (const [path, options] of [
        ['/minerz', { headers: { accept: '*/*' } }],
        ['/minerz', { ...html, method: 'POST' }],
        ['/api/v1/minerz', html],
      ] as const) {
        const { status, headers } = await get(path, options);
        expect([status, headers.get('content-type')], path).toEqual([404, 'application/problem+json']);
      }
    });

    it('answers a URL beyond 1024 characters with 414', async () => {
      const response = await get(`/api/v1/pool?${'x'.repeat(1100)}`);
      expect(response.status).toBe(414);
      expect(await response.json()).toMatchObject({ type: '/problems/uri-too-long' });
    });

    it('refuses endless headers and goes on serving others', async () => {
      const text = await raw(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(40_000)}\r\n\r\n`);
      expect(text === '' || /^HTTP\/1\.1 431 /.test(text)).toBe(true);
      expect((await get('/healthz')).status).toBe(200);
    });

    it('closes on what is not HTTP and goes on serving others', async () => {
      for (const bytes of [
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
        '{"id":1,"method":"mining.subscribe"}\n\r\n\r\n',
      ]) {
        const text = await raw(bytes);
        expect(text === '' || /^HTTP\/1\.1 (400|505) /.test(text)).toBe(true);
      }
      expect((await get('/healthz')).status).toBe(200);
    });

    it('turns a fault of a route into a 500 that tells nothing of the inside', async () => {
      await restart({
        handle: ({ path }) => {
          if (path === '/late') return Promise.reject(new Error('secret detail'));
          throw new Error('secret detail');
        },
      });
      for (const path of ['/now', '/late']) {
        const response = await get(path);
        const text = await response.text();
        expect(response.status).toBe(500);
        expect(text).toContain('/problems/unexpected');
        expect(text).not.toMatch(/secret|Error|\.ts|\.js|at /);
      }
    });

    it('puts the security headers on every answer', async () => {
      for (const path of ['/', `${assets.folder}app.js`, '/api/v1/pool', '/metrics', '/nope']) {
        const response = await get(path);
        await response.text();
        expect(response.headers.get('x-content-type-options')).toBe('nosniff');
        expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
        expect(response.headers.get('referrer-policy')).toBe('no-referrer');
      }
    });

    it('answers a plain GET of the live address with 426, and an upgrade elsewhere with no upgrade', async () => {
      const response = await get(LIVE_PATH);
      expect(response.status).toBe(426);
      await response.text();
      const stray = new WebSocket(url('/api/v1/pool').replace('http', 'ws'));
      clients.push(stray);
      const [fault] = (await once(stray, 'error')) as [Error];
      expect(fault.message).toMatch(/Unexpected server response: (200|404)/);
    });

    it('survives a client that leaves before its answer is there', async () => {
      let release: (text: string) => void = () => {};
      scrape = () => new Promise((resolve) => (release = resolve));
      const socket = connect(engine.port, '127.0.0.1');
      socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n');
      while (release.length === 0) await new Promise((resolve) => setImmediate(resolve));
      socket.destroy();
      await once(socket, 'close');
      expect((await get('/healthz')).status).toBe(200);
      release('late\n');
      expect((await get('/healthz')).status).toBe(200);
    });

    it('names a port that is taken with a stable code', async () => {
      await expect(start(options({ port: engine.port }))).rejects.toMatchObject({
        code: 'SLUICE_PORT_IN_USE',
      });
    });

    it('gets its port back at once after closing under open connections', async () => {
      const { port } = engine;
      await (await get('/healthz')).text();
      await restart({ port });
      expect(engine.port).toBe(port);
      expect((await get('/healthz')).status).toBe(200);
    });
  });
}
