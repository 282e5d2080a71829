import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { LoopWatch } from '../../../src/app/loop-watch.ts';
import { createRegistry } from '../../../src/kit/metrics.ts';

const HELD_MS = 150;

describe('the watch over the loop', () => {
  let watch: LoopWatch | undefined;
  afterEach(() => watch?.close());

  it('finds that the loop was held, for how long, and that it worked meanwhile', async () => {
    const registry = createRegistry();
    watch = new LoopWatch();
    watch.register(registry);
    watch.start();
    await delay(60);
    const until = performance.now() + HELD_MS;
    while (performance.now() < until);
    await delay(60);
    watch.turn();
    const { loop } = watch.view();
    // Of what it was held a look every 20 ms sees all but that.
    expect(loop.delayMaxMs).toBeGreaterThan(HELD_MS - 25);
    expect(loop.utilisation).toBeGreaterThan(0);
    expect(watch.busyMs).toBeGreaterThan(HELD_MS);
    const text = await registry.metrics();
    expect(text).toMatch(/sluice_process_loop_delay_seconds_count\{thread="main"\} [1-9]/);
    expect(text).toContain('sluice_process_gc_pauses_total{kind="major"}');
  });

  it('forgets within a minute', async () => {
    watch = new LoopWatch();
    watch.start();
    const until = performance.now() + HELD_MS;
    while (performance.now() < until);
    await delay(40);
    for (let turn = 0; turn < 14; turn++) watch.turn();
    expect(watch.view().loop.delayMaxMs).toBeLessThan(HELD_MS - 25);
    expect(watch.view().gc.pauses).toBe(0);
  });
});
