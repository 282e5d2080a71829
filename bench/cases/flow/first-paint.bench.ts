/**
 * The five pages of the demo in headless Chromium, each visited cold, in turns: when there is something to read, and what it took. The
 * whole pool runs beside it on the same cores, its miners included.
 */
import { type CaseContext, type CaseResult, defineCase } from '../../lib/bench-case.ts';
import { startDemo } from '../../lib/demo-under-test.ts';
import { ROUNDS } from '../../lib/flow-parameters.ts';
import { missingBrowser, openBrowser, type Paint, paintOf } from '../../lib/page-paints.ts';

const parameters = { rounds: { ...ROUNDS, text: 'visits of every page' } };

async function run({ values: { rounds }, progress }: CaseContext<typeof parameters>): Promise<CaseResult> {
  const reason = missingBrowser();
  if (reason !== undefined) throw new Error(reason);
  progress(0, rounds + 1, 'the demo starts');
  const demo = await startDemo();
  try {
    const pages = {
      home: '/',
      miner: `/miners/${demo.address}`,
      blocks: '/blocks',
      payments: '/payments',
      how: '/how',
    };
    const names = Object.keys(pages) as (keyof typeof pages)[];
    const visits: Record<keyof typeof pages, Paint>[] = [];
    const browser = await openBrowser();
    try {
      // Not counted: the browser's own first page, and what the server compiles at its first.
      for (const name of names) await paintOf(browser, demo.url + pages[name]);
      for (let round = 0; round < rounds; round++) {
        const visit: Partial<Record<keyof typeof pages, Paint>> = {};
        for (const name of names) visit[name] = await paintOf(browser, demo.url + pages[name]);
        visits.push(visit as Record<keyof typeof pages, Paint>);
        progress(round + 2, rounds + 1, `home ${visit.home!.paintMs.toFixed(0)} ms`);
      }
    } finally {
      await browser.close();
    }
    const most = (name: string, unit: string, of: (paint: Paint) => number) => ({
      ...{ name: `pages.${name}`, unit, better: 'lower' as const },
      values: visits.map((visit) => Math.max(...Object.values(visit).map(of))),
    });
    return {
      measures: [
        ...names.map((name) => ({
          ...{ name: `${name}.first_paint_ms`, unit: 'ms', better: 'lower' as const },
          values: visits.map((visit) => visit[name].paintMs),
        })),
        most('slowest_first_paint_ms', 'ms', ({ paintMs }) => paintMs),
        most('most_bytes', 'B', ({ bytes }) => bytes),
        most('most_requests', '', ({ requests }) => requests),
        most('most_round_trips', '', ({ roundTrips }) => roundTrips),
      ],
      distributions: [],
      checksum: `pages ${names.join()} visits ${visits.length * names.length}`,
      invalid: [],
      notes: [],
    };
  } finally {
    await demo.stop();
  }
}

export default defineCase({
  kind: 'flow',
  title: 'first paint, bytes and requests of the demo’s five pages in headless Chromium, visited cold',
  parameters,
  missing: missingBrowser,
  run,
});
