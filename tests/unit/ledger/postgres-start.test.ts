import { lstat, mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { borrowedAccount, permits } from '../../../src/ledger/postgres-account.ts';
import { linkLibraries } from '../../../src/ledger/postgres-binaries.ts';
import { faultOf, ServerLog } from '../../../src/ledger/postgres-log.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-start-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const PLENTY = 1e12;

describe('the user that root lends to the server', () => {
  const root = 'root:x:0:0:root:/root:/bin/bash\n';
  const nobody = 'nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n';
  const postgres = 'postgres:x:101:104::/var/lib/postgresql:/bin/bash\n';

  it('is postgres where there is one, else nobody, else none', () => {
    expect(borrowedAccount(root + nobody + postgres)).toEqual({ name: 'postgres', uid: 101, gid: 104 });
    expect(borrowedAccount(root + nobody)).toEqual({ name: 'nobody', uid: 65_534, gid: 65_534 });
    expect(borrowedAccount(root)).toBeUndefined();
    expect(borrowedAccount('')).toBeUndefined();
  });

  it('is never another name of root', () => {
    expect(borrowedAccount('postgres:x:0:0::/:/bin/sh\n')).toBeUndefined();
  });

  it('may enter what the first fitting of owner, group and others may enter', () => {
    const account = { name: 'a', uid: 7, gid: 8 };
    expect(permits({ mode: 0o700, uid: 7, gid: 0 }, account, 'enter')).toBe(true);
    expect(permits({ mode: 0o700, uid: 0, gid: 8 }, account, 'enter')).toBe(false);
    expect(permits({ mode: 0o710, uid: 0, gid: 8 }, account, 'enter')).toBe(true);
    expect(permits({ mode: 0o755, uid: 0, gid: 0 }, account, 'enter')).toBe(true);
    // The owner's bits decide for the owner, even where others may more.
    expect(permits({ mode: 0o077, uid: 7, gid: 8 }, account, 'enter')).toBe(false);
    expect(permits({ mode: 0o711, uid: 0, gid: 0 }, account, 'read')).toBe(false);
  });
});

describe('what a failed start means', () => {
  it.each([
    ['could not bind IPv4 address "127.0.0.1": Address already in use', 'port'],
    ['FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use', 'leftover'],
    ['FATAL:  lock file "postmaster.pid" already exists', 'leftover'],
  ])('%s: is worth another attempt', (words, retry) => {
    expect(faultOf(words, '/data/pg18', PLENTY)).toEqual({ retry });
  });

  it.each([
    [
      'PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device',
      'SLUICE_POSTGRES_DISK_FULL',
    ],
    ['FATAL:  could not map anonymous shared memory: Cannot allocate memory', 'SLUICE_POSTGRES_MEMORY'],
    ['FATAL:  data directory "/data/pg18" has wrong ownership', 'SLUICE_POSTGRES_DIR_OWNER'],
    ['', 'SLUICE_POSTGRES_START_FAILED'],
  ])('"%s" is for a person: %s', (words, code) => {
    const fault = faultOf(words, '/data/pg18', PLENTY);
    expect(fault).toMatchObject({ retry: 'no', error: { code, remedy: expect.stringMatching(/\.$/) } });
  });

  it('is a full disk when the server could not even say so', () => {
    expect(faultOf('', '/data/pg18', 1000)).toMatchObject({ error: { code: 'SLUICE_POSTGRES_DISK_FULL' } });
  });

  it('quotes the last complaint of an unknown fault', () => {
    const words =
      '2026 UTC [1] LOG:  starting\n2026 UTC [1] FATAL:  invalid value for "foo"\n2026 UTC [1] LOG:  shut down\n';
    const fault = faultOf(words, '/data/pg18', PLENTY);
    expect(fault).toMatchObject({
      error: { message: expect.stringContaining('FATAL:  invalid value for "foo"') },
    });
  });
});

describe('the libraries of the server', () => {
  it('get their links when the install script was blocked, and keep those they have', async () => {
    await mkdir(join(folder, 'native', 'lib'), { recursive: true });
    await writeFile(join(folder, 'native', 'lib', 'libx.so.1.2'), 'ELF');
    const links = ['libx.so', 'libx.so.1'].map((name) => ({
      source: 'native/lib/libx.so.1.2',
      target: `native/lib/${name}`,
    }));
    await writeFile(join(folder, 'native', 'pg-symlinks.json'), JSON.stringify(links));
    for (let run = 0; run < 2; run++) expect(await linkLibraries(folder)).toBe(true);
    expect(await readlink(join(folder, 'native', 'lib', 'libx.so.1'))).toBe('libx.so.1.2');
    expect((await lstat(join(folder, 'native', 'lib', 'libx.so'))).isSymbolicLink()).toBe(true);
  });
});

describe('the log of the server', () => {
  it('is set aside at a start when it has grown large, and what was said before is not its reason', async () => {
    const path = join(folder, 'pg.log');
    await writeFile(path, 'x'.repeat(5 * 1024 * 1024));
    const log = await ServerLog.open(path, undefined);
    expect((await lstat(`${path}.1`)).size).toBe(5 * 1024 * 1024);
    await writeFile(path, 'FATAL: of yesterday\n', { flag: 'a' });
    await log.markStart();
    await writeFile(path, 'FATAL: of today\n', { flag: 'a' });
    expect(await log.tail()).toBe('FATAL: of today\n');
    log.close();
    expect(await readFile(path, 'utf8')).toContain('yesterday');
  });
});
