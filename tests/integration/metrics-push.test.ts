import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { MetricsPush } from '../../src/app/metrics-push.ts';
import { createLogger, recentWarnings } from '../../src/kit/log.ts';
import { Counter, createRegistry } from '../../src/kit/metrics.ts';
import { pollUntil } from '../kit/poll-until.ts';

interface Push {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly headers: IncomingMessage['headers'];
}

/** A gateway that answers as it is told to. */
class Gateway {
  readonly pushes: Push[] = [];
  answer: (response: ServerResponse) => void = (response) => response.end();
  readonly #server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { method = '', url = '', headers } = request;
    this.pushes.push({ method, url, body, headers });
    this.answer(response);
  });

  async open(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

let gateway: Gateway | undefined;
let push: MetricsPush | undefined;

afterEach(async () => {
  gateway?.close();
  await push?.close();
});

async function start(more: { answer?: Gateway['answer']; login?: string; path?: string } = {}) {
  gateway = new Gateway();
  if (more.answer) gateway.answer = more.answer;
  const host = await gateway.open();
  const registry = createRegistry();
  new Counter(registry, { name: 'sluice_tries_total', help: 'test' }).inc(7);
  const log = createLogger('info', 'test', { write: () => {} });
  push = new MetricsPush({
    // Less than the configuration allows, so that a test sees a second one.
    gateway: { url: `http://${more.login ?? ''}${host}${more.path ?? ''}`, intervalSeconds: 0.02 },
    instance: 'sluice-1',
    registry,
    log,
    timeoutMs: 200,
  });
  push.start();
  return { gateway, push, log };
}

describe('figures pushed to a gateway', () => {
  it('arrive as text under job and instance, again and again, and are taken back at the end', async () => {
    const { gateway: at, push: by } = await start({ login: 'pool:s%20cret@', path: '/prom/' });
    await pollUntil('two pushes', () => by.pushed >= 2, 5_000);
    await by.close();
    const [first] = at.pushes;
    expect(first).toMatchObject({ method: 'PUT', url: '/prom/metrics/job/sluice/instance/sluice-1' });
    expect(first!.body).toContain('sluice_tries_total 7');
    expect(first!.headers['content-type']).toContain('text/plain; version=0.0.4');
    expect(first!.headers.authorization).toBe(`Basic ${Buffer.from('pool:s cret').toString('base64')}`);
    expect(at.pushes.at(-1)).toMatchObject({ method: 'DELETE', url: first!.url });
  });

  it('cost one line in the log while the gateway fails, and go on when it is back', async () => {
    let fails = true;
    const {
      push: by,
      gateway: at,
      log,
    } = await start({
      login: 'pool:secret@',
      answer: (response) => {
        response.statusCode = fails ? 500 : 200;
        response.end('x'.repeat(100_000));
      },
    });
    await pollUntil('three tries', () => at.pushes.length >= 3, 5_000);
    expect(by.pushed).toBe(0);
    fails = false;
    await pollUntil('a push', () => by.pushed > 0, 5_000);
    const lines = recentWarnings(log).map(({ text }) => text);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('the gateway answered 500');
    expect(lines[0]).not.toContain('secret');
  });

  it('are given up when nobody answers in time, and follow no redirection', async () => {
    const { gateway: at, log } = await start({ answer: () => {} });
    await pollUntil('a second try', () => at.pushes.length >= 2, 5_000);
    expect(recentWarnings(log)[0]!.text).toContain('timeout');
    at.answer = (response) => {
      response.writeHead(307, { location: 'http://127.0.0.1:1/' });
      response.end();
    };
    const tries = at.pushes.length;
    await pollUntil('more tries', () => at.pushes.length > tries + 1, 10_000);
    expect(new Set(at.pushes.map(({ url }) => url)).size).toBe(1);
  });

  it('do not trouble an engine whose gateway is not there', async () => {
    const { gateway: at, push: by, log } = await start();
    at.close();
    await pollUntil('a refusal', () => recentWarnings(log).length > 0, 5_000);
    await by.close();
  });
});
