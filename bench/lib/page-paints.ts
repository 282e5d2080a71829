/** One cold visit of a page in headless Chromium: when it is painted, what came over the wire, and in how many rounds after the HTML. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
/** What a page is drawn from. What it asks for afterwards, figures and the live socket, is not waited for by a reader. */
const DRAWN_FROM: ReadonlySet<string> = new Set(['Stylesheet', 'Script', 'Font', 'Image']);

export interface Paint {
  /** From the request for the page to its first text or picture (first-contentful-paint). */
  readonly paintMs: number;
  /** Headers included, until the page has nothing more to load. */
  readonly bytes: number;
  readonly requests: number;
  /** 1: all that it is drawn from is named by the HTML itself. */
  readonly roundTrips: number;
}

/** undefined: there is one. */
export function missingBrowser(): string | undefined {
  return existsSync(CHROMIUM)
    ? undefined
    : `needs Chromium: none at ${CHROMIUM}, set CHROMIUM_BIN or install the package chromium`;
}

export function openBrowser(): Promise<Browser> {
  // The sandbox needs user namespaces, which root in a container does not have; the pages are our own.
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

export async function paintOf(browser: Browser, url: string): Promise<Paint> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    let bytes = 0;
    let requests = 0;
    const rounds = new Map([[url, 0]]);
    devtools.on('Network.requestWillBeSent', ({ request, initiator, type }) => {
      if (request.url.startsWith('data:')) return;
      requests++;
      if (type === undefined || !DRAWN_FROM.has(type)) return;
      rounds.set(
        request.url,
        (rounds.get(initiator.url ?? initiator.stack?.callFrames[0]?.url ?? url) ?? 0) + 1,
      );
    });
    devtools.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await devtools.send('Network.enable');
    const answer = await page.goto(url, { waitUntil: 'load' });
    if (answer?.status() !== 200) throw new Error(`${url} answered ${answer?.status()}`);
    const paintMs = await page.evaluate<number>(PAINTED);
    return { paintMs, bytes, requests, roundTrips: Math.max(...rounds.values()) };
  } finally {
    await context.close();
  }
}

/** A text, since it runs in the page. */
const PAINTED = `new Promise((resolve) => new PerformanceObserver((list, observer) => {
  const [paint] = list.getEntriesByName('first-contentful-paint');
  if (!paint) return;
  observer.disconnect();
  resolve(paint.startTime);
}).observe({ type: 'paint', buffered: true }))`;
