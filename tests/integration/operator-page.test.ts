import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HAS_BROWSER, NO_BROWSER, openBrowser, picture } from '../kit/browser.ts';
import { DOOR_TOKEN, OperatorDoor } from '../kit/operator-door.ts';
import { HOSTILE_NAME } from '../unit/api/sample-snapshot.ts';
import { SAMPLE_STATUS } from '../unit/live/sample-report.ts';

if (!HAS_BROWSER) {
  describe('the console in a browser', () => {
    it.skip(NO_BROWSER, () => {});
  });
} else {
  describe('the console in a browser', () => {
    let browser: Browser;
    let door: OperatorDoor;
    let context: BrowserContext;
    let page: Page;
    let faults: string[];

    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(async () => {
      await browser?.close();
    });
    beforeEach(async () => {
      door = await OperatorDoor.open({ kind: 'loopback', host: '127.0.0.1', port: 0 });
      await visit({});
    });
    afterEach(async () => {
      await context.close();
      await door.close();
    });

    async function visit(options: Parameters<Browser['newContext']>[0]): Promise<void> {
      await context?.close();
      context = await browser.newContext(options);
      page = await context.newPage();
      faults = [];
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
      });
      page.on('pageerror', (error) => faults.push(error.message));
      page.on('request', (request) => {
        if (new URL(request.url()).origin !== new URL(door.url).origin)
          faults.push(`outside: ${request.url()}`);
      });
      await page.goto(door.url);
    }

    async function logIn(): Promise<void> {
      await page.getByLabel('Token').fill(DOOR_TOKEN);
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByText('live', { exact: true }).waitFor();
    }

    /** Serious and critical ones, by rule and place. */
    async function axeFaults(): Promise<string[]> {
      await page.evaluate(axe.source);
      const found = await page.evaluate(() =>
        (globalThis as never as { axe: { run(): Promise<axe.AxeResults> } }).axe.run(),
      );
      return found.violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    }

    it('logs in, says the one word and why, and shows what strangers wrote as text', async () => {
      await page.getByLabel('Token').fill('wrong');
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.getByText('That is not the token.').waitFor();
      faults = [];
      await logIn();
      expect(await page.textContent('#verdict')).toBe('DEGRADED');
      expect(await page.textContent('#reasons')).toContain('docs/runbooks/payouts-halted.md');
      for (const place of ['agents', 'handshakes', 'slow', 'bans', 'warnings', 'money', 'blocks', 'actions'])
        expect(await page.textContent(`[data-rows="${place}"]`), place).toContain(HOSTILE_NAME);
      expect(await page.textContent('[data-rows="money"]')).toContain('9007199254.7409 KAS');
      expect(await page.locator('img').count()).toBe(0);
      expect(await page.title()).toBe('DEGRADED: Sluice operator');
      door.status = { ...SAMPLE_STATUS, verdict: { state: 'OK', reasons: [] } };
      await page.getByText('OK', { exact: true }).waitFor();
      expect(faults).toEqual([]);
    });

    it('asks before it halts payouts, wants a reason, and says what happened', async () => {
      await logIn();
      await page.getByRole('button', { name: 'Halt payouts' }).click();
      await page.getByRole('button', { name: 'Halt', exact: true }).click();
      // Without a reason the form stays.
      expect(await page.locator('dialog[open]').count()).toBe(1);
      await page.getByRole('button', { name: 'Cancel' }).click();
      expect(door.orders).toEqual([]);
      await page.getByRole('button', { name: 'Halt payouts' }).click();
      await page.getByLabel('Reason').last().fill('a drill');
      await page.getByRole('button', { name: 'Halt', exact: true }).click();
      await page.getByText('done: halt a drill').waitFor();
      await page.getByRole('button', { name: 'Resume payouts' }).click();
      await page.getByRole('button', { name: 'Resume', exact: true }).click();
      await page.getByText('done: resume').waitFor();
      await page.getByLabel('Network').fill('203.0.113.7');
      await page.getByRole('button', { name: 'Ban', exact: true }).first().click();
      await page.locator('dialog[open]').getByRole('button', { name: 'Ban', exact: true }).click();
      await page.getByText('done: ban 203.0.113.7').waitFor();
      await page.getByRole('button', { name: 'What would a reload do?' }).click();
      await page.getByText('done: reload true').waitFor();
      expect(door.orders).toEqual(['halt a drill', 'resume', 'ban 203.0.113.7 ', 'reload true']);
      expect(faults).toEqual([]);
    });

    it('goes back to the login when the session is over', async () => {
      await logIn();
      door.nowMs += 13 * 3_600_000;
      await page.getByLabel('Token').waitFor();
    });

    it.each([
      ['phone', 390, 'light'],
      ['desk', 1440, 'light'],
      ['desk', 1440, 'dark'],
    ] as const)(
      'fits a %s of %i pixels in %s colours, without a serious fault of axe',
      async (name, width, colorScheme) => {
        await visit({ viewport: { width, height: 900 }, colorScheme });
        expect(await axeFaults()).toEqual([]);
        await logIn();
        await page.getByText('All values').click();
        const wide = await page.locator('html').evaluate((html) => {
          const { scrollWidth, clientWidth } = html as never as { scrollWidth: number; clientWidth: number };
          return scrollWidth - clientWidth;
        });
        expect(wide).toBe(0);
        expect(await axeFaults()).toEqual([]);
        await picture(page, `operator-${name}-${colorScheme}`);
      },
    );
  });
}
