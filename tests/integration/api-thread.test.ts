import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type ApiHandle, type ApiOptions, startApi } from '../../src/api/api-client.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { Counter, createRegistry } from '../../src/kit/metrics.ts';
import { SAMPLE_TERMS } from '../kit/sample-terms.ts';
import { SAMPLE } from '../unit/api/sample-snapshot.ts';

const open: ApiHandle[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((api) => api.close()));
});

async function start(more: Partial<ApiOptions> = {}): Promise<ApiHandle> {
  const api = await startApi({
    port: 0,
    registry: createRegistry(),
    terms: SAMPLE_TERMS,
    snapshot: () => SAMPLE,
    log: silentLogger,
    snapshotIntervalMs: 20,
    ...more,
  });
  open.push(api);
  return api;
}

describe.each(['node', 'auto'] as const)('the API thread with engine %s', (engine) => {
  it('sends every live reader a fresh snapshot at each interval', async () => {
    let miners = 0;
    const api = await start({ engine, snapshot: () => ({ ...SAMPLE, miners: miners++ }) });
    const client = new WebSocket(`${api.url.replace('http', 'ws')}api/v1/live?topics=pool`);
    const seen: number[] = [];
    client.on('message', (text: Buffer) =>
      seen.push((JSON.parse(text.toString()) as { data: { miners: number } }).data.miners),
    );
    while (new Set(seen).size < 4) await once(client, 'message');
    client.terminate();
    expect(seen).toEqual([...seen].sort((one, other) => one - other));
  });

  it("serves the main thread's metrics together with its own, in a bounded number of series", async () => {
    const registry = createRegistry();
    new Counter(registry, { name: 'sluice_test_total', help: 'Test.' }).inc(42);
    const api = await start({ engine, registry });
    const text = await (await fetch(`${api.url}metrics`)).text();
    expect(text).toContain('sluice_test_total 42');
    expect(text).toContain('process_resident_memory_bytes ');
    expect(text).toContain('process_start_time_seconds ');
    expect(text).toContain('sluice_api_live_clients 0');
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length).toBeLessThan(150);
  });

  it('answers 503 for metrics that cannot be gathered', async () => {
    const registry = createRegistry();
    registry.getMetricsAsJSON = () => Promise.reject(new Error('broken'));
    const api = await start({ engine, registry });
    expect((await fetch(`${api.url}metrics`)).status).toBe(503);
  });

  it('is not ready any more when the main thread makes no snapshots', async () => {
    let broken = false;
    const api = await start({
      engine,
      snapshot: () => {
        if (broken) throw new Error('broken');
        return SAMPLE;
      },
    });
    const turns = async (status: number): Promise<void> => {
      while ((await fetch(`${api.url}readyz`)).status !== status)
        await new Promise((resolve) => setTimeout(resolve, 20));
    };
    // A busy machine may be late with a snapshot.
    await turns(200);
    broken = true;
    await turns(503);
    expect((await fetch(`${api.url}healthz`)).status).toBe(200);
  });

  it('comes back at the same address after dying, and the main thread only notices in its log', async () => {
    const api = await start({ engine });
    const { url } = api;
    const reader = new WebSocket(`${url.replace('http', 'ws')}api/v1/live?topics=pool`);
    await once(reader, 'message');
    api.crashThread();
    await once(reader, 'close');
    while (api.restarts === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(api.url).toBe(url);
    expect((await fetch(`${url}healthz`)).status).toBe(200);
  });

  it('fails to start with a stable code when the port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as { port: number };
    await expect(start({ engine, port })).rejects.toMatchObject({ code: 'SLUICE_PORT_IN_USE' });
    squatter.close();
  });

  it('lets the process exit with its own code, even without an ordered close', async () => {
    const script = `
      import { startApi } from ${JSON.stringify(new URL('../../src/api/api-client.js', import.meta.url).href)};
      import { silentLogger } from ${JSON.stringify(new URL('../../src/kit/log.js', import.meta.url).href)};
      import { createRegistry } from ${JSON.stringify(new URL('../../src/kit/metrics.js', import.meta.url).href)};
      import { SAMPLE_TERMS as terms } from ${JSON.stringify(new URL('../kit/sample-terms.js', import.meta.url).href)};
      const snapshot = () => (${JSON.stringify(SAMPLE)});
      const api = await startApi({ port: 0, engine: '${engine}', registry: createRegistry(), terms, snapshot, log: silentLogger });
      await fetch(api.url + 'healthz');
      process.exit(7);
    `;
    const folder = mkdtempSync(join(tmpdir(), 'sluice-api-'));
    writeFileSync(join(folder, 'exit.mjs'), script);
    const child = spawn(process.execPath, [join(folder, 'exit.mjs')], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    rmSync(folder, { recursive: true });
    expect({ code, signal, errors }).toEqual({ code: 7, signal: null, errors: '' });
  });
});
