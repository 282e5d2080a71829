import { describe, expect, it } from 'vitest';
import { homeMain } from '../../../src/api/page-contents.ts';
import { NO_CHOICE } from '../../../src/api/pages/connect.ts';
import { h, toHtml } from '../../../src/api/pages/element.ts';
import { poolView } from '../../kit/lively-figures.ts';

const NOW_MS = Date.parse('2026-11-21T10:00:00.000Z');

describe('the home page of a pool whose engines are gone', () => {
  it('says that no engine tells anything, not that one runs', () => {
    const ready = { ok: false, reasons: ['no engine tells anything'] };
    const pool = { ...poolView(NOW_MS), nodes: [], ready, uptimeSeconds: 0 };
    const explorer = { transaction: '', block: '' };
    const main = homeMain({ pool, explorer, nowMs: NOW_MS, choice: NO_CHOICE, blocks: [] });
    const html = toHtml(h('main', null, main));
    expect(html).toContain('No engine tells anything.');
    expect(html).toMatch(/data-tone="bad">silent</);
    expect(html).not.toContain('>running<');
  });
});
