import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accessFaults,
  DESK,
  HAS_BROWSER,
  isLive,
  NO_BROWSER,
  openBrowser,
  PHONE,
  picture,
  type Visit,
  visit,
  widthOverflow,
} from '../kit/browser.ts';
import { FARM, HOSTILE, LivelyReads, STRANGER } from '../kit/lively-reads.ts';
import { openPages } from '../kit/page-stage.ts';

const BYTES_MAX = 150_000;
const PAGES = [
  ['home', '/'],
  ['miner', `/miners/${FARM}`],
  ['unknown', `/miners/${STRANGER}`],
  ['nowhere', '/minerz'],
  ['blocks', '/blocks'],
  ['payments', '/payments'],
  ['how', '/how'],
] as const;

if (!HAS_BROWSER) {
  describe('pages in a browser', () => {
    it.skip(NO_BROWSER, () => {});
  });
} else {
  describe('pages in a browser', () => {
    let browser: Browser;
    let stage: Awaited<ReturnType<typeof openPages>>;
    const reads = new LivelyReads(Date.now());
    const fresh = { ...reads };

    beforeAll(async () => {
      browser = await openBrowser();
      stage = await openPages(reads);
    });
    beforeEach(() => {
      Object.assign(reads, fresh);
    });
    afterAll(async () => {
      await browser?.close();
      await stage?.engine.close();
    });
    const open = (path: string, options: Parameters<typeof visit>[2] = {}): Promise<Visit> =>
      visit(browser, stage.url + path, options);

    describe.each(PAGES)('%s', (name, path) => {
      let opened: Visit;
      beforeAll(async () => {
        opened = await open(path, { viewport: DESK, colorScheme: 'light', reducedMotion: 'reduce' });
        await isLive(opened.page);
      });
      afterAll(() => opened?.context.close());

      it('is small, changes without being loaded again, and asks nobody else', async () => {
        const { page, faults, bytes } = opened;
        expect(bytes()).toBeGreaterThan(5_000);
        expect(bytes()).toBeLessThan(BYTES_MAX);
        reads.view = { ...reads.view, miners: 987_654 };
        stage.tell();
        await page.locator('.strip').getByText('987\u00a0654').waitFor();
        expect(faults).toEqual([]);
      });

      it('has no serious fault for those who see or move little, and never scrolls sideways', async () => {
        const { page } = opened;
        for (const [size, viewport] of [
          ['desk', DESK],
          ['phone', PHONE],
        ] as const) {
          await page.setViewportSize(viewport);
          expect(await widthOverflow(page), size).toBe(0);
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme });
            await picture(page, `${name}-${size}-${colorScheme}`);
          }
          // In the dark at one size, in light at the other: what differs by size does not differ by colour.
          if (size === 'phone') await page.emulateMedia({ colorScheme: 'light' });
          expect(await accessFaults(page), size).toEqual([]);
        }
      });
    });

    it.each(['/', `/miners/${FARM}`, '/blocks'])(
      'shows markup in a worker name as text on %s',
      async (path) => {
        const { page, context } = await open(path);
        const title = await page.title();
        await isLive(page);
        expect(await page.getByText(HOSTILE, { exact: true }).count()).toBeGreaterThan(0);
        expect(await page.locator('img').count()).toBe(1);
        expect(await page.title()).toBe(title);
        await context.close();
      },
    );

    it('shows the numbers without JavaScript, and turns pages', async () => {
      const { page, context, faults } = await open('/', { javaScriptEnabled: false });
      expect(await page.textContent('.big')).toBe('2.30\u00a0PH/s');
      expect(await page.locator('figure.chart svg path').count()).toBe(1);
      await page.getByRole('link', { name: 'All blocks' }).click();
      await page.getByRole('link', { name: 'Older' }).click();
      expect(page.url()).toContain('/blocks?cursor=25');
      await page.goto(`${stage.url}/miners?address=${FARM}`);
      expect(await page.textContent('main')).toContain('71.2345\u00a0KAS');
      expect(faults).toEqual([]);
      await context.close();
    });

    it('leads from the keyboard alone to one’s own miners, and remembers them', async () => {
      const { page, context } = await open('/');
      await isLive(page);
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
      await page.keyboard.press('Enter');
      for (let presses = 0; presses < 12; presses++) {
        await page.keyboard.press('Tab');
        if ((await page.evaluate('document.activeElement.id')) === 'find') break;
      }
      await page.keyboard.type('kaspa:qq');
      await page.keyboard.press('Enter');
      await page.getByText('This pool pays to addresses that begin with kaspatest:').waitFor();
      await page.keyboard.press('ControlOrMeta+A');
      await page.keyboard.type(FARM.slice('kaspatest:'.length));
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/miners/${FARM}`);
      await page.getByRole('link', { name: 'Pool', exact: true }).click();
      await page.getByRole('link', { name: 'My miners' }).waitFor();
      await context.close();
    });

    it('gives the line for the chosen miner, and sees its first share', async () => {
      const { page, context, faults } = await open('/', {
        permissions: ['clipboard-read', 'clipboard-write'],
      });
      await isLive(page);
      reads.workerViews = reads.workerViews.map((worker) => ({
        ...worker,
        lastShareAt: new Date().toISOString(),
      }));
      const connect = page.locator('#connect');
      await connect.getByLabel('I mine with').selectOption({ label: 'lolMiner' });
      await connect.getByLabel('Payout address').fill(FARM);
      await connect.getByLabel('Name of this rig').fill('attic');
      await connect.getByRole('button', { name: 'Copy the command' }).click();
      await connect.getByText('Copied').waitFor();
      expect(await page.evaluate('navigator.clipboard.readText()')).toBe(
        `lolMiner --algo KASPA --pool stratum+tcp://pool.example:5555 --user ${FARM}.attic`,
      );
      await connect.getByText(/We see .*: a share was accepted/).waitFor();
      expect(faults).toEqual([]);
      await context.close();
    });

    it('draws a chart that answers to the pointer, and another range without another page', async () => {
      const { page, context, faults } = await open(`/miners/${FARM}`);
      await isLive(page);
      await page.locator('.uplot .u-over').hover();
      await page.locator('.u-legend').getByText(/TH\/s/).waitFor();
      await page.evaluate('globalThis.stayed = true');
      await page.getByRole('link', { name: '7 d' }).click();
      await page.waitForURL('**?range=7d');
      await page.locator('[data-range="7d"][aria-current]').waitFor();
      expect(await page.evaluate('stayed')).toBe(true);
      expect(faults).toEqual([]);
      await context.close();
    });

    it('tells when a worker stops, in the title, in a banner and by a notification', async () => {
      const { page, context, faults } = await open(`/miners/${FARM}`);
      await page.exposeFunction('noted', (body: string) => notes.push(body));
      const notes: string[] = [];
      await page.addInitScript(`globalThis.Notification = class {
        static permission = 'default';
        static async requestPermission() { return (Notification.permission = 'granted'); }
        constructor(title, { body }) { noted(body); }
      }`);
      await page.reload();
      await isLive(page);
      await page.getByRole('button', { name: 'Tell me when a worker stops' }).click();
      await page.getByRole('button', { name: 'You will be told', pressed: true }).waitFor();
      reads.workerViews = reads.workerViews.map((worker) =>
        worker.name === 'ks3-a' ? { ...worker, state: 'offline', connections: 0 } : worker,
      );
      stage.changed(FARM);
      await page.getByRole('alert').getByText('Stopped since you opened this page: ks3-a.').waitFor();
      expect(await page.title()).toMatch(/^\(1 stopped\)/);
      expect(notes).toEqual(['ks3-a is not connected any more']);
      reads.workerViews = fresh.workerViews;
      stage.changed(FARM);
      await page.getByRole('alert').waitFor({ state: 'hidden' });
      expect(faults).toEqual([]);
      await context.close();
    });

    it('filters workers by name and by state', async () => {
      const { page, context } = await open(`/miners/${FARM}`);
      await isLive(page);
      const rows = page.locator('#workers tbody tr');
      await page.getByLabel('Filter').fill('ks5');
      await page.waitForFunction("document.querySelectorAll('#workers tbody tr').length === 2");
      await page.getByLabel('Filter').fill('offline');
      await rows.getByText('ks3-north').waitFor();
      expect(await rows.count()).toBe(1);
      await context.close();
    });

    it('keeps the colours that were chosen', async () => {
      const { page, context } = await open('/', { colorScheme: 'light' });
      const ground = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
      const light = await ground();
      await page.getByRole('button', { name: 'Dark colours' }).click();
      const dark = await ground();
      expect(dark).not.toBe(light);
      await page.goto(`${stage.url}/how`);
      expect(await ground()).toBe(dark);
      await context.close();
    });

    it('falls back to polling when no WebSocket can be had, and says when nothing comes at all', async () => {
      const context = await browser.newContext();
      await context.routeWebSocket(/api\/v1\/live/, (socket) => socket.close());
      const page = await context.newPage();
      await page.clock.install();
      await page.goto(stage.url);
      await page.locator('[data-live]').getByText('polling').waitFor();
      await context.setOffline(true);
      const old = page.getByText('no connection, numbers are old');
      while (!(await old.isVisible())) await page.clock.runFor(1_000);
      await context.close();
    });
  });
}
