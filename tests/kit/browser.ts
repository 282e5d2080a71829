/** A real browser for tests, and what must never happen on a page of ours. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import { projectPath } from '../../src/kit/project-root.ts';

export const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
export const HAS_BROWSER = existsSync(CHROMIUM);
export const NO_BROWSER = `needs chromium: none at ${CHROMIUM}, set CHROMIUM_BIN or install the package chromium`;

/** Pictures of the pages, for a person to look at: .ci/run says where they are. */
const PICTURES = process.env.PAGE_PICTURES || projectPath('dist', 'artifacts', 'pages');
export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1440, height: 900 };

export function openBrowser(): Promise<Browser> {
  // The sandbox needs user namespaces, which root in a container does not have; the pages are our own.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Console errors, exceptions, requests to elsewhere. */
  readonly faults: string[];
  /** Bytes that came over the wire, headers included. */
  bytes(): number;
}

export async function visit(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Visit> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => {
    // Some tests are about what is not there: an address that never sent a share, a page that nobody made.
    const isStatus = message.text().includes('status of 404') && /\/miner[sz]/.test(message.location().url);
    if ((message.type() === 'error' || message.type() === 'warning') && !isStatus)
      faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'blob:' && origin !== new URL(url).origin) faults.push(`outside: ${request.url()}`);
  });
  let bytes = 0;
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  await page.goto(url);
  return { page, context, faults, bytes: () => bytes };
}

/** As drawn by the script: the first word of the socket has come. */
export async function isLive(page: Page): Promise<void> {
  await page.locator('[data-live]').getByText('live', { exact: true }).waitFor();
}

/** Once what hears of a new size has drawn itself anew: charts do in the frame after. */
export async function widthOverflow(page: Page): Promise<number> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

export async function picture(page: Page, name: string): Promise<void> {
  mkdirSync(PICTURES, { recursive: true });
  // Where a test has scrolled to, a sticky head would lie across the middle.
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Serious and critical faults for people who use a screen reader, a keyboard, or weak eyes. */
export async function accessFaults(page: Page): Promise<string[]> {
  // Through the debugger: the page's policy would not let it in, and must not.
  await page.evaluate(AXE);
  return page.evaluate<
    string[]
  >(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map((node) => id + ': ' + node.html + ' ' + node.failureSummary)))`);
}
