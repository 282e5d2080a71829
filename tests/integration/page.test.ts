import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiHandle, startApi } from '../../src/api/api-client.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry } from '../../src/kit/metrics.ts';
import type { PoolSnapshot } from '../../src/live/pool-snapshot.ts';
import { SAMPLE_TERMS } from '../kit/sample-terms.ts';
import { HOSTILE_NAME, SAMPLE } from '../unit/api/sample-snapshot.ts';

const BROWSER = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
/** Where to put pictures for a person to look at; none by default. */
const PICTURES = process.env.PAGE_PICTURES;

if (!existsSync(BROWSER)) {
  describe('the page in a browser', () => {
    it.skip(`needs chromium: none at ${BROWSER}, set CHROMIUM_BIN or install the package chromium`, () => {});
  });
} else {
  describe('the page in a browser', () => {
    let browser: Browser;
    let api: ApiHandle;
    let snapshot: PoolSnapshot = SAMPLE;

    beforeAll(async () => {
      // The sandbox needs user namespaces, which root in a container does not have; the page is our own.
      browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox'] });
      api = await startApi({
        port: 0,
        registry: createRegistry(),
        terms: SAMPLE_TERMS,
        snapshot: () => snapshot,
        log: silentLogger,
        snapshotIntervalMs: 50,
      });
    });
    afterAll(async () => {
      await browser?.close();
      await api?.close();
    });

    /** Opens the page and keeps a list of everything that must not happen. */
    async function visit(context: BrowserContext): Promise<{ page: Page; faults: string[] }> {
      const page = await context.newPage();
      const faults: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
      });
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== new URL(api.url).origin)
          faults.push(`outside: ${request.url()}`);
      });
      await page.goto(api.url);
      return { page, faults };
    }

    it('goes live without a console error and without a request to elsewhere', async () => {
      snapshot = SAMPLE;
      const context = await browser.newContext();
      const { page, faults } = await visit(context);
      await page.getByText('live', { exact: true }).waitFor();
      snapshot = { ...SAMPLE, miners: 987_654, hashrate: { ...SAMPLE.hashrate, m10: 5e15 } };
      await page.getByText('987 654').waitFor();
      expect(await page.textContent('[data-field="hashrateM10"]')).toBe('5.00 PH/s');
      expect(faults).toEqual([]);
      await context.close();
    });

    it('shows markup in a worker name as text', async () => {
      snapshot = SAMPLE;
      const context = await browser.newContext();
      const { page } = await visit(context);
      await page.getByText('live', { exact: true }).waitFor();
      await page.getByText(HOSTILE_NAME, { exact: true }).waitFor();
      expect(await page.locator('td img').count()).toBe(0);
      expect(await page.title()).toBe('Sluice mining pool');
      await context.close();
    });

    it('copies a stratum URL', async () => {
      const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
      const { page } = await visit(context);
      await page.getByRole('button', { name: 'Copy stratum+tcp://127.0.0.1:5555' }).click();
      await page
        .getByRole('button', { name: 'Copy stratum+tcp://127.0.0.1:5555' })
        .getByText('Copied')
        .waitFor();
      // Not `evaluate`: that would be inline script, too, to a strict reading of the policy.
      expect(
        await page.evaluate(() =>
          (
            globalThis as never as { navigator: { clipboard: { readText(): Promise<string> } } }
          ).navigator.clipboard.readText(),
        ),
      ).toBe('stratum+tcp://127.0.0.1:5555');
      await context.close();
    });

    it('shows the numbers without JavaScript', async () => {
      snapshot = SAMPLE;
      const context = await browser.newContext({ javaScriptEnabled: false });
      const { page, faults } = await visit(context);
      expect(await page.textContent('[data-field="accepted"]')).toBe('1\u00a0234\u00a0567');
      expect(await page.textContent('main')).toContain(HOSTILE_NAME);
      expect(faults).toEqual([]);
      await context.close();
    });

    it('falls back to polling when no WebSocket can be had', async () => {
      const context = await browser.newContext();
      await context.routeWebSocket(/api\/v1\/live/, (socket) => socket.close());
      const { page } = await visit(context);
      await page.getByText('polling', { exact: true }).waitFor();
      await context.close();
    });

    it('says so when the pool cannot be reached any more', async () => {
      const context = await browser.newContext();
      const { page } = await visit(context);
      await page.getByText('live', { exact: true }).waitFor();
      await page.clock.install();
      await page.reload();
      await page.getByText('live', { exact: true }).waitFor();
      await context.setOffline(true);
      await context.routeWebSocket(/api\/v1\/live/, (socket) => socket.close());
      api.crashThread();
      const old = page.getByText('no connection, numbers are old');
      while (!(await old.isVisible())) await page.clock.runFor(1_000);
      await context.close();
      while (api.restarts === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    });

    it.each([
      ['phone', 390, 'light'],
      ['desk', 1280, 'light'],
      ['desk', 1280, 'dark'],
    ] as const)(
      'fits a %s of %i pixels in %s colours without scrolling sideways',
      async (name, width, colorScheme) => {
        snapshot = SAMPLE;
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
        const { page } = await visit(context);
        await page.getByText('live', { exact: true }).waitFor();
        const wide = await page.locator('html').evaluate((html) => {
          const { scrollWidth, clientWidth } = html as never as { scrollWidth: number; clientWidth: number };
          return scrollWidth - clientWidth;
        });
        expect(wide).toBe(0);
        if (PICTURES)
          await page.screenshot({ path: `${PICTURES}-${name}-${colorScheme}.png`, fullPage: true });
        await context.close();
      },
    );
  });
}
