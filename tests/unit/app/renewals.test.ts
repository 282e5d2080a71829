import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addBan } from '../../../src/app/ban-file.ts';
import { Renewals } from '../../../src/app/renewals.ts';
import { silentLogger } from '../../../src/kit/log.ts';

let folder: string;
let banFile: string;
let renewals: Renewals;
let told: string[][];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-renewals-'));
  banFile = join(folder, 'bans.yaml');
  told = [];
});
afterEach(() => {
  renewals?.close();
  rmSync(folder, { recursive: true, force: true });
});

function watch(): void {
  renewals = new Renewals({ ports: [], banFile, log: silentLogger });
  renewals.start((bans) => told.push(bans.map(({ network }) => network)));
}

describe('what may change while the engine runs', () => {
  it('is read at the start, and told again only when it has changed', () => {
    addBan(banFile, { network: '203.0.113.1', reason: '' }, 0);
    watch();
    expect(renewals.bans.map(({ network }) => network)).toEqual(['203.0.113.1']);
    renewals.refresh();
    expect(told).toEqual([]);
    addBan(banFile, { network: '203.0.113.2', reason: '' }, 0);
    renewals.refresh();
    renewals.refresh();
    expect(told).toEqual([['203.0.113.1', '203.0.113.2']]);
  });

  it('stays as it was when a list is broken, and follows when it is mended', () => {
    addBan(banFile, { network: '203.0.113.1', reason: '' }, 0);
    watch();
    writeFileSync(banFile, '- network: nowhere\n');
    renewals.refresh();
    expect(told).toEqual([]);
    writeFileSync(banFile, '- network: 203.0.113.3\n');
    renewals.refresh();
    expect(told).toEqual([['203.0.113.3']]);
  });

  it('bans nobody any more when the list is taken away', () => {
    addBan(banFile, { network: '203.0.113.1', reason: '' }, 0);
    watch();
    rmSync(banFile);
    renewals.refresh();
    expect(told).toEqual([[]]);
  });

  it('must be a list at the start', () => {
    writeFileSync(banFile, 'nonsense');
    expect(watch).toThrow(expect.objectContaining({ code: 'SLUICE_BAN_FILE' }));
  });
});
