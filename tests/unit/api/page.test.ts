import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { escapeHtml, loadPage, type PageFiles } from '../../../src/api/page-files.ts';
import { publish } from '../../../src/api/published.ts';
import { projectPath } from '../../../src/kit/project-root.ts';
import type { PoolSnapshot } from '../../../src/live/pool-snapshot.ts';
import { HOSTILE_NAME, SAMPLE } from './sample-snapshot.ts';

interface View {
  hashrateText(hashesPerSecond: number): string;
  countText(count: number): string;
  rewardText(sompi: string): string;
  difficultyText(difficulty: number): string;
  durationText(seconds: number): string;
}

let page: PageFiles;
let view: View;
beforeAll(async () => {
  page = await loadPage();
  view = (await import(pathToFileURL(projectPath('src/api/page/view.js')).href)) as View;
});
/** No-break spaces read as spaces. */
const render = (snapshot: PoolSnapshot): string => plain(page.render(publish(snapshot, 0)));
const plain = (text: string): string => text.replaceAll('\u00a0', ' ');

describe('numbers for people', () => {
  it('have units that fit', () => {
    expect([0, 12, 1_500, 2.3e15, 8e20].map(view.hashrateText)).toEqual([
      '0 H/s',
      '12.0 H/s',
      '1.50 kH/s',
      '2.30 PH/s',
      '800 EH/s',
    ]);
  });

  it('show rewards exactly, whatever their size', () => {
    expect(plain(view.rewardText('440000000000'))).toBe('4 400 KAS');
    expect(view.rewardText('1')).toBe('0.00000001 KAS');
    expect(plain(view.rewardText('2870000000000000001'))).toBe('28 700 000 000.00000001 KAS');
    expect(view.rewardText('')).toBe('');
    expect(view.rewardText('<b>')).toBe('');
  });

  it('show difficulties as integers, tiny ones as powers of two', () => {
    expect([512, 1, 2 ** -20].map(view.difficultyText)).toEqual(['512', '1', '2^-20']);
  });

  it('show durations by their two largest parts', () => {
    expect([5, 65, 7_260, 90_000].map(view.durationText)).toEqual([
      '5 s',
      '1 min 5 s',
      '2 h 1 min',
      '1 d 1 h',
    ]);
  });
});

describe('the page before any script runs', () => {
  it('holds every number of the snapshot', () => {
    const html = render(SAMPLE);
    for (const text of [
      'testnet-10',
      '2.30 PH/s',
      '2.41 PH/s',
      '1.98 PH/s',
      '321',
      '1 203',
      '1 234 567',
      '423',
      '0.03 %',
      'stratum+tcp://127.0.0.1:5555',
      'kaspatest:YOUR_ADDRESS.RIG',
      '2^-20',
      'Job too old',
      '4 400 KAS',
      'connection refused',
      '1 234 987 of 1 234 990 records on disk',
      '812 records (0.3 s) behind',
      'all well',
      '2 h 0 min',
    ]) {
      expect(html).toContain(text);
    }
    // Every place is filled: what the template has of dashes is gone.
    expect(html).not.toMatch(/data-field="\w+"[^>]*>–</);
    expect(html).not.toMatch(/data-rows="\w+"><\/tbody>/);
  });

  it('shows what a miner calls his rig as text', () => {
    const html = render(SAMPLE);
    expect(html).toContain(escapeHtml(HOSTILE_NAME));
    expect(html).not.toContain(HOSTILE_NAME);
    expect(html).not.toMatch(/<img src=x/);
  });

  it('keeps patterns of String.replace in foreign texts from working', () => {
    const html = render({ ...SAMPLE, network: '$& $1 $`' });
    expect(html).toContain('$&amp; $1 $`');
  });

  it('teaches what is missing while nothing has happened yet', () => {
    const html = render({
      ...SAMPLE,
      ports: [],
      nodes: [],
      shares: { accepted: 0, rejected: {} },
      blocks: { ...SAMPLE.blocks, recent: [] },
      ready: { ok: false, reasons: ['no node has given a template', 'database starting'] },
    });
    for (const text of [
      'No stratum port is open.',
      'No block yet.',
      'None so far.',
      'No node is configured.',
      'no node has given a template · database starting',
      'data-tone="bad"',
    ]) {
      expect(html).toContain(text);
    }
  });

  it('has no inline script, no inline style and nothing from elsewhere', () => {
    const html = render(SAMPLE).replaceAll(escapeHtml(HOSTILE_NAME), '');
    expect(html).not.toMatch(/<script(?![^>]*\ssrc="\/)/);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=/);
    expect(html).not.toMatch(/(src|href)="(?!\/|#)/);
  });
});
