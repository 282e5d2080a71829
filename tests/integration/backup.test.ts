import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { segmentFileName } from '../../src/journal/record-layout.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { Auditor } from '../../src/ledger/audit/auditor.ts';
import { takeBackup } from '../../src/ledger/backup/backup.ts';
import { type Manifest, writeManifest } from '../../src/ledger/backup/manifest.ts';
import { type RestoreOptions, restoreBackup } from '../../src/ledger/backup/restore.ts';
import { migrate } from '../../src/ledger/migrate.ts';
import { openDatabase } from '../../src/ledger/stores/postgres.ts';
import { AT, expectExact, LoaderStage, writeShares } from '../kit/loader-stage.ts';
import { settleWindow } from '../kit/settled-window.ts';
import { buildSmallLedger } from '../kit/small-ledger.ts';
import {
  type FreshDatabase,
  superuserUrl,
  type TestDatabase,
  withTestDatabase,
} from '../kit/test-database.ts';

const TAKEN_AT = new Date(Date.UTC(2026, 5, 2));

describe('backup and restore', { timeout: 120_000 }, () => {
  let database: TestDatabase;
  let folder: string;
  let empty: FreshDatabase;

  beforeAll(async () => {
    database = await withTestDatabase();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    folder = join(mkdtempSync(join(tmpdir(), 'sluice-backup-')), 'one');
    empty = await database.emptyDatabase();
  });
  afterEach(async () => {
    await empty.drop();
    rmSync(join(folder, '..'), { recursive: true, force: true });
  });

  const restore = (options: Partial<RestoreOptions> = {}) =>
    restoreBackup({
      databaseUrl: empty.url,
      folder,
      journals: [],
      force: false,
      acceptLostShares: false,
      log: silentLogger,
      ...options,
    });
  const audit = (url: string, ...journals: string[]) =>
    new Auditor({
      databaseUrl: url,
      journals,
      chain: undefined,
      feeCapSompi: undefined,
      clock: Date.now,
      log: silentLogger,
      halt: async () => {},
    }).full();

  describe('of books with everything in them', () => {
    let fresh: FreshDatabase;

    beforeAll(async () => {
      fresh = await database.freshDatabase();
      const admin = openDatabase(superuserUrl(fresh.url), { applicationName: 'sluice tests', max: 1 });
      await buildSmallLedger(admin);
      await admin.end({ timeout: 1 });
    });

    it('gives back every row: a backup of the restored database has the same tables', async () => {
      const first = await takeBackup(fresh.url, folder, TAKEN_AT);
      expect(first.tables.find(({ name }) => name === 'shares')!.rows).toBe(480);
      await restore();
      const second = await takeBackup(empty.url, `${folder}-again`, TAKEN_AT);
      expect(second).toEqual(first);
      const report = await audit(empty.url);
      expect(report.violations.map(({ detail }) => detail)).toEqual([]);
    });

    it('goes on counting where it was', async () => {
      await takeBackup(fresh.url, folder, TAKEN_AT);
      await restore();
      const [row] = await empty.sql`
        INSERT INTO halts (code, reason, raised_by) VALUES ('test', 'test', 'test') RETURNING id`;
      expect(row!.id).toBe(1n);
      await expect(empty.sql`DELETE FROM ledger_entries`).rejects.toMatchObject({ code: 'SL004' });
      const [payout] = await empty.sql`SELECT nextval(pg_get_serial_sequence('payouts', 'id')) AS id`;
      expect(payout!.id).toBe(10n);
    });

    it('goes on counting behind what is there, where a backup has no counters', async () => {
      const manifest = await takeBackup(fresh.url, folder, TAKEN_AT);
      await writeManifest(folder, { ...manifest, sequences: [] });
      await restore();
      const [row] = await empty.sql`
        SELECT nextval(pg_get_serial_sequence('payouts', 'id')) > (SELECT max(id) FROM payouts) AS behind`;
      expect(row!.behind).toBe(true);
    });

    it('is taken by a role that only reads, whole, or refused', async () => {
      const admin = openDatabase(superuserUrl(fresh.url), { applicationName: 'sluice tests', max: 1 });
      await admin.unsafe(readFileSync(projectPath('deploy', 'roles.sql'), 'utf8')).simple();
      const login = `backup_${Date.now()}`;
      await admin.unsafe(`CREATE ROLE ${login} LOGIN PASSWORD 'x' IN ROLE sluice_reader`);
      const url = new URL(fresh.url);
      url.username = login;
      url.password = 'x';
      const asOwner = await takeBackup(fresh.url, folder, TAKEN_AT);
      const asReader = await takeBackup(url.href, `${folder}-reader`, TAKEN_AT);
      await admin.unsafe('REVOKE SELECT ON ALL SEQUENCES IN SCHEMA public FROM sluice_reader');
      const blind = takeBackup(url.href, `${folder}-blind`, TAKEN_AT);
      await expect(blind).rejects.toMatchObject({ code: 'SLUICE_BACKUP_RIGHTS' });
      await admin.unsafe(`DROP ROLE ${login}`);
      await admin.end({ timeout: 1 });
      expect(asReader).toEqual(asOwner);
    });

    it('refuses a folder that holds something', async () => {
      await takeBackup(fresh.url, folder, TAKEN_AT);
      await expect(takeBackup(fresh.url, folder, TAKEN_AT)).rejects.toMatchObject({
        code: 'SLUICE_BACKUP_FOLDER',
      });
    });

    it('refuses a database that holds a pool, and replaces it when told to', async () => {
      await takeBackup(fresh.url, folder, TAKEN_AT);
      await restore();
      await empty.sql`INSERT INTO accounts (address) VALUES ('kaspatest:later')`;
      await expect(restore()).rejects.toMatchObject({ code: 'SLUICE_RESTORE_NOT_EMPTY' });
      await restore({ force: true });
      expect(await empty.sql`SELECT FROM accounts WHERE address = 'kaspatest:later'`).toHaveLength(0);
      expect((await audit(empty.url)).violations).toEqual([]);
    });

    it('takes a database that was only migrated for an empty one', async () => {
      await takeBackup(fresh.url, folder, TAKEN_AT);
      await migrate(empty.sql, { log: silentLogger });
      await restore();
      expect((await empty.sql`SELECT FROM payouts`).length).toBe(9);
    });

    it.each(['ledger_entries.copy.gz', 'manifest.json'])(
      'refuses when %s is not what it was, and touches nothing',
      async (file) => {
        await takeBackup(fresh.url, folder, TAKEN_AT);
        const path = join(folder, file);
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1]! ^= 1;
        writeFileSync(path, bytes);
        await expect(restore()).rejects.toMatchObject({ code: 'SLUICE_BACKUP_DAMAGED' });
        unlinkSync(path);
        await expect(restore()).rejects.toMatchObject({ code: 'SLUICE_BACKUP_DAMAGED' });
        const [table] = await empty.sql`SELECT to_regclass('accounts') IS NULL AS absent`;
        expect(table!.absent).toBe(true);
      },
    );

    it('refuses the schema of a newer build', async () => {
      await takeBackup(fresh.url, folder, TAKEN_AT);
      const path = join(folder, 'manifest.json');
      const manifest = JSON.parse(readFileSync(path, 'utf8')) as Manifest;
      manifest.migrations.push({
        version: manifest.migrations.length + 1,
        name: 'later',
        sha256: '0'.repeat(64),
      });
      await writeManifest(folder, manifest);
      await expect(restore()).rejects.toMatchObject({ code: 'SLUICE_RESTORE_SCHEMA' });
    });
  });

  describe('of a pool that goes on', () => {
    let stage: LoaderStage;

    beforeEach(async () => {
      stage = await LoaderStage.open(database);
      writeShares(stage.journal, 3000);
      stage.publish();
      await stage.start().drain(20_000);
      // As the loader of instance "one" loads a journal whose segments say "test".
      await stage.sql`UPDATE instances SET name = 'test'`;
      await stage.closeLoaders();
    });
    afterEach(() => stage.close());

    it('the drill: backup, more shares, the database destroyed, restored, loaded again, audited', async () => {
      stage.journal.block(
        { address: 'kaspatest:1', name: '', job: 1, nonce: 5n, difficultyLog2: 3, receivedAtMs: AT + 1000 },
        'ab'.repeat(32),
      );
      stage.publish();
      await stage.start({ instanceName: 'test' }).drain(20_000);
      await stage.closeLoaders();
      await settleWindow(stage.sql, AT, AT + 60_000);
      await takeBackup(stage.fresh.url, folder, TAKEN_AT);
      expect(existsSync(join(folder, 'manifest.json'))).toBe(true);

      writeShares(stage.journal, 1500);
      stage.journal.reboot();
      writeShares(stage.journal, 700);
      stage.publish();
      await stage.start({ instanceName: 'test' }).drain(20_000);
      await stage.closeLoaders();
      await stage.sql`DROP SCHEMA public CASCADE`;
      await stage.sql`CREATE SCHEMA public`;

      const { reach } = await restore({ databaseUrl: stage.fresh.url, journals: [stage.directory] });
      expect(reach.map(({ looked }) => looked)).toEqual([true]);
      expect(reach[0]!.sentence).toMatch(
        /loads again from segment \d+, slot \d+ .* and \d+ segments behind it/,
      );
      expect(await stage.start({ instanceName: 'test' }).drain(20_000)).toBe(true);
      await stage.closeLoaders();
      await expectExact(stage.sql, stage.journal);
      const found = (await audit(stage.fresh.url, stage.directory)).violations;
      expect(found.map(({ detail }) => detail)).toEqual([]);
      await stage.sql`DELETE FROM shares WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM shares WHERE segment = 2 LIMIT 1)`;
      const report = await audit(stage.fresh.url, stage.directory);
      expect(report.violations.map(({ detail }) => detail)).toContainEqual(
        expect.stringMatching(
          /^segment 2 of instance test holds \d+ shares, and \d+ of it are in the tables$/,
        ),
      );
    });

    it('refuses when the journal begins after the backup', async () => {
      await takeBackup(stage.fresh.url, folder, TAKEN_AT);
      stage.journal.open();
      stage.publish();
      const newest = segmentFileName(stage.journal.segment);
      for (const name of readdirSync(stage.directory))
        if (name !== newest) unlinkSync(join(stage.directory, name));
      await expect(restore({ journals: [stage.directory] })).rejects.toMatchObject({
        code: 'SLUICE_RESTORE_JOURNAL',
        message: expect.stringContaining('begins with segment'),
      });
      await restore({ journals: [stage.directory], acceptLostShares: true });
    });

    it('refuses a journal that is older than the backup', async () => {
      await takeBackup(stage.fresh.url, folder, TAKEN_AT);
      unlinkSync(join(stage.directory, segmentFileName(stage.journal.segment)));
      await expect(restore({ journals: [stage.directory] })).rejects.toMatchObject({
        code: 'SLUICE_RESTORE_JOURNAL',
        message: expect.stringContaining('older journal'),
      });
    });

    it('says so when no journal was given', async () => {
      await takeBackup(stage.fresh.url, folder, TAKEN_AT);
      const { reach } = await restore();
      expect(reach).toMatchObject([{ instanceName: 'test', looked: false }]);
    });
  });
});
