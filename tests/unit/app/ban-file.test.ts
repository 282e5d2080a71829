import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addBan, readBans, removeBan } from '../../../src/app/ban-file.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-bans-'));
  file = join(folder, 'bans.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the list of bans', () => {
  it('bans nobody while it does not exist, or is empty', () => {
    expect(readBans(file)).toEqual([]);
    writeFileSync(file, '# nobody yet\n');
    expect(readBans(file)).toEqual([]);
  });

  it('is written and read again, one ban for each network in whatever spelling', () => {
    addBan(file, { network: '203.0.113.0/24', reason: 'a flood: "much"' }, 0);
    addBan(file, { network: '2001:DB8::/32', reason: '', untilUnixMs: Date.UTC(2027, 0, 1) }, 0);
    addBan(file, { network: '203.0.113.77/24', reason: 'again' }, 0);
    expect(readBans(file)).toEqual([
      { network: '2001:DB8::/32', reason: '', untilUnixMs: Date.UTC(2027, 0, 1) },
      { network: '203.0.113.77/24', reason: 'again' },
    ]);
    expect(removeBan(file, '2001:db8:0::/32')).toBe(true);
    expect(removeBan(file, '2001:db8:0::/32')).toBe(false);
    expect(readBans(file)).toHaveLength(1);
  });

  it('keeps what an operator wrote between its lines', () => {
    writeFileSync(
      file,
      '# ours\n- network: 198.51.100.7 # the one with the script\n  until: 2027-02-03T04:05:06Z\n',
    );
    addBan(file, { network: '203.0.113.9', reason: 'x' }, 0);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# ours');
    expect(text).toContain('# the one with the script');
    expect(readBans(file)[0]).toEqual({
      network: '198.51.100.7',
      reason: '',
      untilUnixMs: Date.UTC(2027, 1, 3, 4, 5, 6),
    });
  });

  it('loses bans that are over when another is added', () => {
    addBan(file, { network: '203.0.113.1', reason: '', untilUnixMs: 1_000 }, 0);
    addBan(file, { network: '203.0.113.2', reason: '' }, 2_000);
    expect(readBans(file).map(({ network }) => network)).toEqual(['203.0.113.2']);
  });

  it.each([
    ['not YAML', '- network: "203'],
    ['no list', 'network: 203.0.113.1\n'],
    ['no network', '- network: 203.0.113.256\n'],
    ['a network with a host name', '- network: example.org\n'],
    ['a key that is unknown', '- network: 203.0.113.1\n  reasn: x\n'],
    ['a time that is none', '- network: 203.0.113.1\n  until: tomorrow\n'],
  ])('is refused when it is %s, and is not written over', (_, text) => {
    writeFileSync(file, text);
    expect(() => readBans(file)).toThrow(expect.objectContaining({ code: 'SLUICE_BAN_FILE' }));
    expect(() => addBan(file, { network: '203.0.113.9', reason: '' }, 0)).toThrow();
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});
