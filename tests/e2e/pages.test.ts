/** A real pool in a real browser: engine, node and database as processes, one miner, and somebody who looks. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoAddresses } from '../../src/miner/miner.ts';
import {
  accessFaults,
  HAS_BROWSER,
  isLive,
  NO_BROWSER,
  openBrowser,
  picture,
  visit,
} from '../kit/browser.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient } from '../kit/share-client.ts';

/** The engine takes from a worker's name what no name needs; names from elsewhere are tried in tests/integration/pages. */
const HOSTILE = '<img src=x onerror=alert(1)>';
const CLEANED = 'imgsrcxonerroralert1';
const ADDRESS = demoAddresses(RIG_NETWORK, 1)[0]!;

/** Each for the job that it was found on, whatever comes meanwhile. */
async function sendShares(miner: ShareClient, count: number): Promise<void> {
  const { id } = miner.job!;
  for (const nonce of miner.find(count)) expect(await miner.submit(nonce, id)).toBe(0);
}

if (!HAS_BROWSER) {
  describe('pages of a running pool', () => {
    it.skip(NO_BROWSER, () => {});
  });
} else {
  describe('pages of a running pool', () => {
    let rig: PoolRig;
    let browser: Browser;
    beforeAll(async () => {
      [rig, browser] = await Promise.all([
        PoolRig.open({ difficultyLog2: -20, networkDifficultyLog2: 12 }),
        openBrowser(),
      ]);
      await rig.startEngine().ready;
      // Until the boards have been read for the first time, pages of miners say "not now".
      await pollUntil(
        'the boards are read',
        async () => (await fetch(`${rig.httpUrl}/api/v1/miners/${ADDRESS}`)).status === 404,
        60_000,
      );
    });
    afterAll(async () => {
      await browser?.close();
      await rig?.close();
    });

    it('wait for a miner, show it when its first share is there, and its name as a name', async () => {
      const { page, context, faults } = await visit(browser, `${rig.httpUrl}/miners/${ADDRESS}`);
      await isLive(page);
      await page.getByText('No share of this address was accepted so far.').waitFor();
      const miner = await ShareClient.login(rig.stratumPort, `${ADDRESS}.${HOSTILE}`);
      await sendShares(miner, 1);
      // The page goes on by itself.
      const row = page.locator('#workers tbody tr');
      await row.getByText(CLEANED).waitFor({ timeout: 80_000 });
      expect(await page.locator('img').count()).toBe(1);
      expect(await accessFaults(page)).toEqual([]);
      await picture(page, 'real-miner');
      expect(faults).toEqual([]);
      miner.destroy();
      await context.close();
    });

    it('count every share on the front page without being loaded again', async () => {
      const { page, context, faults } = await visit(browser, rig.httpUrl);
      await isLive(page);
      await page.evaluate('globalThis.stayed = true');
      const miner = await ShareClient.login(rig.stratumPort, `${ADDRESS}.second`);
      await sendShares(miner, 3);
      await pollUntil('the page has counted them', async () =>
        (await page.textContent('#refused'))?.includes('4 shares accepted'),
      );
      expect(await page.evaluate('stayed')).toBe(true);
      await picture(page, 'real-home');
      expect(faults).toEqual([]);
      miner.destroy();
      await context.close();
    });
  });
}
