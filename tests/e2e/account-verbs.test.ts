/** `sluice account` as people call it: a letter, a signature, stored at the pool, shown. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { keyOf, POOL_TERMS, signedSettings } from '../kit/signed-settings.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const ALICE = keyOf(0xa11ce);
const { address } = signedSettings(ALICE);

let database: TestDatabase;
let fresh: FreshDatabase;
let folder: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-account-'));
  database = await withTestDatabase();
  fresh = await database.freshDatabase();
  writeFileSync(file('key'), `${ALICE}\n`, { mode: 0o600 });
  const config = {
    kaspa: {
      network: 'devnet',
      payAddress: POOL_TERMS.payAddress,
      nodes: [{ name: 'none', address: '127.0.0.1:1' }],
    },
    stratum: { ports: [{ port: 0, difficulty: 1 }] },
    database: { url: fresh.url },
    journal: { directory: file('journal') },
  };
  // JSON is YAML.
  writeFileSync(file('sluice.yaml'), JSON.stringify(config), { mode: 0o600 });
}, 60_000);
afterAll(async () => {
  await database?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function account(...words: string[]): Promise<{ code: number; output: string; faults: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [projectPath('dist', 'src', 'cli.js'), 'account', ...words],
      (error, output, faults) => resolve({ code: error ? Number(error.code) : 0, output, faults }),
    );
  });
}
const message = (...more: string[]): ReturnType<typeof account> =>
  account('message', '--address', address, '--pool', POOL_TERMS.payAddress, ...more);

describe('sluice account', () => {
  it('leads from a letter to settings that hold', async () => {
    const letter = await message(
      '--threshold',
      '25',
      '--donation-percent',
      '1.5',
      '--alerts',
      'me@example.org',
    );
    expect(letter.output).toContain('threshold: 25 KAS\ndonation: 1.5 %\nalerts: me@example.org\n');
    writeFileSync(file('letter'), letter.output);
    const signed = await account('sign', file('letter'), '--key-file', file('key'));
    expect(signed.code, signed.faults).toBe(0);
    writeFileSync(file('signed'), signed.output);
    const stranger = await account('apply', file('signed'), '--config', file('sluice.yaml'));
    expect(stranger).toMatchObject({ code: 1, faults: expect.stringContaining('account-unknown') });
    await fresh.sql`INSERT INTO accounts (address) VALUES (${address})`;
    const applied = await account('apply', file('signed'), '--config', file('sluice.yaml'));
    expect(applied.output, applied.faults).toBe('stored; it holds from now on\n');
    const shown = await account('show', address, '--config', file('sluice.yaml'));
    expect(shown.output).toMatch(/threshold {2}25\.00000000\n {2}donation {3}1\.5 %\n/);
    const json = await account('show', address, '--config', file('sluice.yaml'), '--json');
    expect(JSON.parse(json.output)).toMatchObject({ thresholdSompi: '2500000000', payments: [] });
  }, 60_000);

  it('signs nothing with a key that others may read, that is none, or that is of another address', async () => {
    writeFileSync(file('letter'), (await message()).output);
    for (const [name, text, mode] of [
      ['open', ALICE, 0o644],
      ['none', 'hello', 0o600],
      ['long', `${ALICE}${ALICE}${ALICE}`, 0o600],
      ['other', keyOf(7), 0o600],
    ] as const) {
      writeFileSync(file(name), text);
      chmodSync(file(name), mode);
      const { code, output, faults } = await account('sign', file('letter'), '--key-file', file(name));
      expect(code).toBe(2);
      expect(output).toBe('');
      expect(faults).toContain('SLUICE_KEY_FILE');
      expect(faults).not.toContain(text);
    }
  }, 60_000);

  it('says what is wrong with its options', async () => {
    for (const [option, value] of [
      ['--threshold', '0'],
      ['--threshold', '1.123456789'],
      ['--donation-percent', '101'],
      ['--alerts', 'http://example.org'],
    ] as const) {
      const { code, faults } = await message(option, value);
      expect(code).toBe(2);
      expect(faults).toContain(option);
    }
    expect(await account('sign', file('sluice.yaml'), '--key-file', file('key'))).toMatchObject({
      code: 1,
      faults: expect.stringContaining('SLUICE_ACCOUNT_MESSAGE'),
    });
    expect(readFileSync(file('key'), 'utf8')).toContain(ALICE);
  }, 60_000);
});
