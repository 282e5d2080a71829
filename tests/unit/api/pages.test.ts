import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { HttpRequest } from '../../../src/api/http-engine.ts';
import { loadPageAssets, PAGE_SCRIPTS } from '../../../src/api/page-assets.ts';
import { bundleModules } from '../../../src/api/page-bundle.ts';
import { createPageRoutes } from '../../../src/api/page-routes.ts';
import { connectRegions, NO_CHOICE } from '../../../src/api/pages/connect.ts';
import { escapeHtml, h, toHtml } from '../../../src/api/pages/element.ts';
import * as format from '../../../src/api/pages/format.ts';
import {
  bestPort,
  fillTemplate,
  GUIDES,
  guideOf,
  MACHINES,
  portsFor,
} from '../../../src/api/pages/guides.ts';
import { earning } from '../../../src/api/pages/miner.ts';
import type { PageState } from '../../../src/api/pages/page-state.ts';
import { VERDICT_WORDS } from '../../../src/api/pages/verdict-words.ts';
import { VERDICTS } from '../../../src/domain/share.ts';
import { projectPath } from '../../../src/kit/project-root.ts';
import { DIALECT_NAMES, DIALECTS, dialectOfUserAgent } from '../../../src/stratum/protocol/dialects.ts';
import { FARM, HOSTILE, LivelyReads, STRANGER } from '../../kit/lively-reads.ts';

const NOW_MS = Date.parse('2026-11-21T10:00:00.000Z');
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');
const explorer = { transaction: 'https://explorer.example/txs/{txid}', block: '' };

async function page(path: string, reads = new LivelyReads(NOW_MS)) {
  const [pathOnly, query = ''] = path.split('?');
  const routes = createPageRoutes({ reads, assets: loadPageAssets(), explorer, nowMs: () => NOW_MS });
  const request = {
    method: 'GET',
    path: pathOnly!,
    query,
    peer: '127.0.0.1',
    forwardedFor: '',
  } as HttpRequest;
  const { status, body, headers } = await (routes.at(pathOnly!) ?? routes.nowhere)(request);
  return {
    status,
    html: plain(String(body)),
    location: headers.location ?? '',
    refresh: headers.refresh ?? '',
  };
}

describe('numbers for people', () => {
  it('have units that fit', () => {
    expect([0, 12, 1_500, 2.3e15, 8e20].map((rate) => plain(format.hashrateText(rate)))).toEqual([
      '0 H/s',
      '12.0 H/s',
      '1.50 kH/s',
      '2.30 PH/s',
      '800 EH/s',
    ]);
  });

  it('show amounts exactly, whatever their size, and never round up', () => {
    expect(plain(format.kasText('440000000000'))).toBe('4 400 KAS');
    expect(plain(format.kasText('1'))).toBe('0.00000001 KAS');
    expect(plain(format.kasText('2870000000000000001'))).toBe('28 700 000 000.00000001 KAS');
    expect(plain(format.kasText('199999999', 2))).toBe('1.99 KAS');
    expect(plain(format.kasText('1', 4))).toBe('< 0.0001 KAS');
    expect(plain(format.kasText('0', 4))).toBe('0 KAS');
    expect(plain(format.kasText('-150000000'))).toBe('−1.5 KAS');
    expect([format.kasText(''), format.kasText('<b>')]).toEqual(['', '']);
  });

  it('show difficulties as integers, tiny ones as powers of two', () => {
    expect([512, 1, 2 ** -20].map(format.difficultyText)).toEqual(['512', '1', '2^-20']);
  });

  it('show durations by their two largest parts, and none that is zero', () => {
    expect([5, 65, 120, 7_260, 90_000, 172_800].map((s) => plain(format.durationText(s)))).toEqual([
      '5 s',
      '1 min 5 s',
      '2 min',
      '2 h 1 min',
      '1 d 1 h',
      '2 d',
    ]);
  });
});

describe('trees', () => {
  it('become HTML in which foreign text is text, in content and in attributes', () => {
    expect(toHtml(h('p', { title: HOSTILE }, HOSTILE))).toBe(
      `<p title="${escapeHtml(HOSTILE)}">${escapeHtml(HOSTILE)}</p>`,
    );
    expect(escapeHtml(HOSTILE)).not.toMatch(/[<>"']/);
  });

  it('count children as an HTML parser does: neighbouring texts are one, empty ones none', () => {
    expect(h('p', null, 'a', 1, '', undefined, false, [null, ['b']]).children).toEqual(['a1b']);
  });
});

describe('words for verdicts', () => {
  it('are there for every refusal of the verdict table', () => {
    const refusals = VERDICTS.filter((row) => row.class === 'refused' || row.class === 'malformed');
    expect(refusals.map((row) => row.metricLabel).filter((label) => !VERDICT_WORDS[label])).toEqual([]);
  });
});

describe('the guides for connecting', () => {
  it('are there for every client of the dialect table, and for none that it does not know', () => {
    const known = DIALECT_NAMES.flatMap((name) => DIALECTS[name].userAgents);
    const guided = GUIDES.flatMap((guide) => guide.agents);
    expect([...guided].sort()).toEqual([...known].sort());
  });

  it('put clients of one guide into one dialect', () => {
    for (const guide of GUIDES) {
      expect(new Set(guide.agents.map((agent) => dialectOfUserAgent(agent)?.name)).size).toBeLessThan(2);
    }
  });

  it('leave no placeholder and no choice of words open', () => {
    const values = { url: 'U', host: 'H', port: 'P', address: 'A', rig: 'R', login: 'L', password: 'W' };
    for (const guide of GUIDES) {
      const texts = [guide.command ?? '', ...(guide.fields ?? []).map(([, value]) => value)];
      for (const text of texts) expect(fillTemplate(text, values)).not.toMatch(/[{}]/);
      expect(guide.command === undefined).toBe(guide.fields !== undefined);
    }
  });

  it('name machines of guides that exist, with powers of two', () => {
    for (const { guide, difficulty } of MACHINES) {
      expect(guideOf(guide).id).toBe(guide);
      expect(Number.isInteger(Math.log2(difficulty))).toBe(true);
    }
  });

  it('point each machine at the port that starts nearest to it', () => {
    const { ports } = new LivelyReads(NOW_MS).view;
    const portOf = (id: string): string | undefined => {
      const machine = MACHINES.find((one) => one.id === id)!;
      return bestPort(guideOf(machine.guide), machine, ports)?.label;
    };
    expect(['KS0 Pro', 'KS3', 'Antminer KS5', 'KS1'].map(portOf)).toEqual([
      'small',
      'middle',
      'large',
      'small',
    ]);
  });

  it('offer machines no TLS, and orders of hash power the port with much nonce space', () => {
    const { ports } = new LivelyReads(NOW_MS).view;
    expect(portsFor(guideOf('iceriver'), ports).every((port) => !port.tls)).toBe(true);
    expect(portsFor(guideOf('nicehash'), ports).map(({ label }) => label)).toEqual(['proxies']);
    expect(portsFor(guideOf('lolminer'), ports).some((port) => port.tls)).toBe(true);
  });

  it('give the whole line for what was chosen, and never what a visitor smuggles into it', () => {
    const line = (choice: Partial<typeof NO_CHOICE>): string => {
      const state: PageState = {
        nowMs: NOW_MS,
        explorer,
        pool: new LivelyReads(NOW_MS).view,
        choice: { ...NO_CHOICE, ...choice },
      };
      return toHtml(connectRegions.connect!(state)!);
    };
    expect(line({ miner: 'lolminer', address: FARM, rig: 'attic' })).toContain(
      `lolMiner --algo KASPA --pool stratum+tcp://pool.example:5555 --user ${FARM}.attic<`,
    );
    const smuggled = line({ miner: 'lolminer', address: `${FARM}; rm -rf`, rig: '$(reboot)' });
    expect(smuggled).toContain('--user kaspatest:YOUR_ADDRESS.rig1<');
  });
});

describe('"is it earning?"', () => {
  const { minerView, workerViews } = new LivelyReads(NOW_MS);
  const ask = (more: Partial<typeof minerView>): string => {
    const { word, sentence } = earning({ ...minerView, ...more }, workerViews, NOW_MS);
    return plain(`${word}. ${sentence}`);
  };

  it('says yes only when all workers are', () => {
    expect(ask({ workers: { online: 3, idle: 0, offline: 0 } })).toBe(
      'Yes. All 3 workers are earning. The last share came 4 s ago.',
    );
  });

  it('names the worst of those that are not', () => {
    expect(ask({})).toBe(
      'Partly. 6 workers earning, 2 workers are not: ks3-north sent its last share 42 min ago.',
    );
  });

  it('tells refused shares from stopped workers', () => {
    const shares = {
      h1: { accepted: 80, rejected: { low_difficulty: 20 } },
      h24: { accepted: 1, rejected: {} },
    };
    expect(ask({ shares })).toMatch(
      /^Partly\. 6 workers earning, but 20\.0 % of the last hour's shares were refused/,
    );
  });

  it('says no when nothing is connected, and not yet when nothing ever came', () => {
    const workers = { online: 0, idle: 0, offline: 4 };
    expect(ask({ workers })).toMatch(/^No\. Nothing of this address is connected\. The last share came/);
    expect(ask({ workers, lastShareAt: null })).toMatch(/^Not yet\. No share/);
  });
});

describe('pages before any script runs', () => {
  it('hold the numbers of the pool', async () => {
    const { status, html } = await page('/');
    expect(status).toBe(200);
    for (const text of [
      'testnet-10',
      '2.30 PH/s',
      '2.41 PH/s',
      '321',
      '1 203',
      '107 %',
      'stratum+tcp://pool.example:5555',
      'kaspatest:YOUR_ADDRESS.rig1',
      '4.4012 KAS',
      'Job too old',
      'connection refused',
      'all well',
      'Mean 2.40 PH/s',
      '7 of 144 steps unknown',
    ]) {
      expect(html).toContain(text);
    }
  });

  it('hold the numbers of a miner', async () => {
    const { status, html } = await page(`/miners/${FARM}`);
    expect(status).toBe(200);
    for (const text of [
      'Is it earning?',
      '33.1 TH/s',
      '71.2345 KAS',
      '71 % of 100 KAS',
      'in ~14 h',
      'ks3-north',
      'Look at the network',
      '101.25 KAS',
      'https://explorer.example/txs/',
      'rel="noreferrer noopener"',
      '/api/v1/settlements/900',
      '?payments=10',
    ]) {
      expect(html).toContain(text);
    }
    // No explorer for blocks is configured: a hash is a text.
    expect(html).not.toContain('explorer.example/blocks');
  });

  it('show what miners call their rigs as text, also in the data for the script', async () => {
    for (const path of ['/', `/miners/${FARM}`, '/blocks']) {
      const { html } = await page(path);
      expect(html).toContain(escapeHtml(HOSTILE));
      expect(html).not.toContain(HOSTILE);
      expect(html).not.toMatch(/<img src=x/);
    }
    const { html } = await page(`/?address=${encodeURIComponent('</script><script>x')}`);
    expect(html).not.toContain('<script>x');
  });

  it('have no inline script, no inline style and nothing from elsewhere', async () => {
    for (const path of ['/', `/miners/${FARM}`, '/blocks', '/payments', '/how', `/miners/${STRANGER}`]) {
      const html = (await page(path)).html.replaceAll(escapeHtml(HOSTILE), '');
      expect(html).not.toMatch(/<script(?![^>]*\s(src="\/|type="application\/json"))/);
      expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
      expect(html).not.toMatch(/(src|href)="(?!\/|#|https:\/\/explorer\.example\/)/);
    }
  });

  it('turn the pages of lists by links', async () => {
    expect((await page('/blocks')).html).toContain('href="/blocks?cursor=25"');
    const last = (await page('/blocks?cursor=50')).html;
    expect(last).toContain('href="/blocks"');
    expect(last).not.toContain('Older');
    expect((await page('/payments?cursor=25')).html).toContain('« Newest');
  });

  it('say how the pool counts, with the numbers in force', async () => {
    const { html } = await page('/how');
    for (const text of [
      'as much as the whole network does for 36 000 blocks, some 1 h',
      'sluice verify reward FILE',
      'every 1 h',
      '100 KAS',
    ])
      expect(html).toContain(text);
  });
});

describe('pages that cannot show what was asked for', () => {
  it('teach who mines to an address that never sent a share', async () => {
    const { status, html } = await page(`/miners/${STRANGER}`);
    expect(status).toBe(404);
    for (const text of ['Not yet.', 'What to look at', 'Connect a miner', STRANGER])
      expect(html).toContain(text);
  });

  it.each(['/miners/kaspa:qq', '/miners/', '/miners/%ff', `/miners/${encodeURIComponent(HOSTILE)}`])(
    'say what is wrong with %s',
    async (path) => {
      const { status, html } = await page(path);
      expect(status).toBe(404);
      expect(html).toContain('That is no address of this pool');
      expect(html).not.toContain(HOSTILE);
    },
  );

  it('lead the form of the front page to the address, whatever was typed', async () => {
    expect((await page(`/miners?address=%20${FARM}%20`)).location).toBe(`/miners/${FARM}`);
    expect((await page('/miners?address=../../x%0d%0aset-cookie:1')).location).toBe(
      '/miners/..%2F..%2Fx%0D%0Aset-cookie:1',
    );
    expect((await page('/miners?address=')).location).toBe('/');
    // Cut after 100 characters of UTF-16: never through the middle of one.
    const long = `${'a'.repeat(99)}%F0%9F%98%80`;
    expect((await page(`/miners?address=${long}`)).location).toBe(`/miners/${'a'.repeat(99)}`);
    expect((await page(`/?address=${long}`)).status).toBe(200);
  });

  it('refuse a cursor that nobody gave out', async () => {
    for (const path of ['/blocks?cursor=zz', "/payments?cursor=';--", `/miners/${FARM}?rewards=zz`]) {
      const { status, html } = await page(path);
      expect(status).toBe(400);
      expect(html).toContain('This link is broken');
    }
  });

  it('go on without the database, part by part', async () => {
    const reads = new LivelyReads(NOW_MS);
    reads.away = true;
    const home = await page('/', reads);
    expect(home.status).toBe(200);
    expect(home.html).toContain('The database does not answer just now');
    expect(home.html).toContain('2.30 PH/s');
    expect(await page('/blocks', reads)).toMatchObject({ status: 503, refresh: '5' });
    expect((await page(`/miners/${FARM}`, reads)).status).toBe(503);
  });
});

describe('the files of the pages', () => {
  it('are one script a page, in which nothing is left to be fetched', () => {
    const { files, folder } = loadPageAssets();
    for (const name of PAGE_SCRIPTS) {
      const text = Buffer.from(files.find(({ path }) => path === folder + name)!.body).toString();
      expect(text, name).not.toMatch(/^(import|export)\b/m);
      expect(() => new Script(text), name).not.toThrow();
    }
  });

  it('come in an order in which each stands behind what it needs, under names of its own', () => {
    const bundle = bundleModules(
      'entry.js',
      new Map([
        [
          'entry.js',
          "import { double as twice } from './twice.js';\nglobalThis.result = twice(FACTOR_OF_MINE);\n",
        ],
        [
          'twice.js',
          "import { FACTOR } from './factor.js';\nexport function double(n) {\n  return n * FACTOR;\n}\n",
        ],
        ['factor.js', '/** Hidden. */\nconst hidden = 1;\nexport const FACTOR = hidden + 1;\n'],
      ]),
    );
    const context: { FACTOR_OF_MINE: number; result?: number } = { FACTOR_OF_MINE: 21 };
    new Script(bundle).runInNewContext(context);
    expect(context.result).toBe(42);
    expect(bundle).not.toContain('Hidden');
  });

  it.each([
    ["import * as all from './a.js';\n", /is no form/],
    ["export { a } from './a.js';\n", /is no form/],
    ['export default 1;\n', /is no form/],
    ["import { a } from './nowhere.js';\n", /nowhere\.js, which is not there/],
  ])('are refused in a form that the bundle does not know: %s', (source, reason) => {
    expect(() => bundleModules('a.js', new Map([['a.js', source]]))).toThrow(reason);
  });

  it('never turn text into markup', () => {
    const folder = projectPath('src', 'api', 'pages', 'browser');
    for (const name of readdirSync(folder).filter((one) => one.endsWith('.js'))) {
      expect(readFileSync(join(folder, name), 'utf8'), name).not.toMatch(
        /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/,
      );
    }
  });
});
