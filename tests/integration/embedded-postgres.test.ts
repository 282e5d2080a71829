import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/kit/log.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/ledger/embedded-postgres.ts';
import { openDatabase } from '../../src/ledger/stores/postgres.ts';

const CHILD = fileURLToPath(new URL('../kit/embedded-postgres-child.js', import.meta.url));
const asRoot = process.getuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };

let folder = '';
/** A finished first start, copied where a test is about something else: initdb is most of the time of a start. */
let prepared = '';
let running: EmbeddedPostgres[] = [];
let children: ChildProcess[] = [];

beforeAll(async () => {
  prepared = await mkdtemp(join(tmpdir(), 'sluice-embedded-prepared-'));
  await chmod(prepared, 0o711);
  const server = await startEmbeddedPostgres({ dataDir: join(prepared, 'pg'), log: silentLogger });
  await server.stop();
});

afterAll(() => rm(prepared, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-embedded-'));
  await chmod(folder, 0o711);
});

afterEach(async () => {
  for (const server of running) await server.stop();
  for (const child of children) if (child.exitCode === null && child.signalCode === null) await killed(child);
  running = [];
  children = [];
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Owners and modes included, which node's own copy leaves out. */
function usePrepared(): void {
  const copied = spawnSync('cp', ['-a', `${prepared}/.`, folder], { encoding: 'utf8' });
  expect(copied.stderr).toBe('');
}

async function start(dataDir = join(folder, 'pg')): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log: silentLogger });
  running.push(server);
  return server;
}

async function query<Row>(url: string, text: string): Promise<Row[]> {
  const sql = openDatabase(url, { applicationName: 'test', max: 1 });
  try {
    return (await sql.unsafe(text)) as unknown as Row[];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

interface ChildReport {
  pid: number;
  url: string;
  dataDir: string;
  firstStart: boolean;
  code?: string;
}

/** The first line that the supervising child prints. */
async function supervise(
  dataDir: string,
  options: { mode?: 'once' | 'stay'; env?: NodeJS.ProcessEnv; uid?: number; gid?: number } = {},
): Promise<{ child: ChildProcess; report: ChildReport }> {
  const { mode = 'stay', ...rest } = options;
  const child = spawn(process.execPath, [CHILD, dataDir, mode], {
    ...rest,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let said = '';
  let complained = '';
  child.stderr?.on('data', (chunk: Buffer) => (complained += chunk.toString()));
  const report = await new Promise<ChildReport>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('\n')) resolve(JSON.parse(said) as ChildReport);
    });
    child.once('close', (code) => reject(new Error(`the child ended with ${code}: ${complained}`)));
  });
  return { child, report };
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** A zombie that nobody has waited for is not alive. */
async function isAlive(pid: number): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return line !== '' && line.slice(line.lastIndexOf(')') + 2)[0] !== 'Z';
}

describe('an embedded PostgreSQL', () => {
  it('keeps its rows, its password and its port from one run to the next', async () => {
    const first = await start();
    expect(first.firstStart).toBe(true);
    expect(first.version).toMatch(/^18\./);
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
    await first.stop();

    const second = await start();
    expect(second.firstStart).toBe(false);
    expect(second.url).toBe(first.url);
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is closed to who has no password, and works as a role that is no superuser', async () => {
    usePrepared();
    const server = await start();
    const { port, password } = server.connection;
    const wrong = `postgres://sluice:${'0'.repeat(48)}@127.0.0.1:${port}/sluice`;
    await expect(query(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
    const [settings] = await query(
      server.url,
      `SELECT rolsuper, current_setting('data_checksums') AS checksums, current_setting('server_encoding') AS encoding,
              current_setting('lc_collate', true) AS lc, current_setting('fsync') AS fsync,
              current_setting('listen_addresses') AS listen
       FROM pg_roles WHERE rolname = current_user`,
    );
    expect(settings).toMatchObject({ rolsuper: false, checksums: 'on', encoding: 'UTF8', fsync: 'on' });
    expect(settings).toMatchObject({ listen: '127.0.0.1' });
    const [, , , , socketFolder] = (await readFile(join(server.dataDir, 'postmaster.pid'), 'utf8')).split(
      '\n',
    );
    expect(socketFolder).toBe('');
    expect((await stat(server.dataDir)).mode & 0o777).toBe(0o700);
    const access = await stat(`${server.dataDir}.access.json`);
    expect(access.mode & 0o777).toBe(0o600);
    expect(await readFile(`${server.dataDir}.log`, 'utf8')).not.toContain(password);
    expect(await readFile(`/proc/${server.pid}/cmdline`, 'utf8')).not.toContain(password);
  });

  it('has every committed row after SIGKILL', async () => {
    usePrepared();
    const server = await start();
    await query(server.url, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n');
    expect(await server.kill('SIGKILL')).toMatchObject({ signal: 'SIGKILL' });
    const again = await start();
    expect(again.url).toBe(server.url);
    expect(await query(again.url, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 1000 }]);
  });

  it('stops by itself when its supervisor is killed, and starts again', async () => {
    usePrepared();
    const dataDir = join(folder, 'pg');
    const { child, report } = await supervise(dataDir);
    await query(report.url, 'CREATE TABLE kept AS SELECT 7 AS n');
    await killed(child);
    const again = await start(dataDir);
    expect(await isAlive(report.pid)).toBe(false);
    expect(await query(again.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  it('stops an orphan before it starts anew, where nothing ends a server with its supervisor', async () => {
    usePrepared();
    const dataDir = join(folder, 'pg');
    // No PATH, so no setpriv: the server outlives the child.
    const { child, report } = await supervise(dataDir, { env: { PATH: '/nonexistent' } });
    await query(report.url, 'CREATE TABLE kept AS SELECT 8 AS n');
    await killed(child);
    expect(await isAlive(report.pid)).toBe(true);
    const again = await start(dataDir);
    expect(again.pid).not.toBe(report.pid);
    expect(await isAlive(report.pid)).toBe(false);
    expect(await query(again.url, 'SELECT n FROM kept')).toEqual([{ n: 8 }]);
  });

  it('refuses a folder that another living process supervises, and leaves that one alone', async () => {
    usePrepared();
    const first = await start();
    await expect(startEmbeddedPostgres({ dataDir: first.dataDir, log: silentLogger })).rejects.toMatchObject({
      code: 'SLUICE_POSTGRES_IN_USE',
    });
    const { report } = await supervise(first.dataDir, { mode: 'once' });
    expect(report.code).toBe('SLUICE_POSTGRES_IN_USE');
    expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('takes another port when its own is taken', async () => {
    usePrepared();
    const first = await start();
    await first.stop();
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(first.port, '127.0.0.1', resolve));
    const second = await start();
    squatter.close();
    expect(second.port).not.toBe(first.port);
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('starts over a pid file whose number belongs to a stranger by now', async () => {
    usePrepared();
    const first = await start();
    await first.kill('SIGKILL');
    const pidFile = join(first.dataDir, 'postmaster.pid');
    const lines = (await readFile(pidFile, 'utf8')).split('\n');
    lines[0] = String(process.pid);
    await writeFile(pidFile, lines.join('\n'));
    const second = await start();
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('makes a new password when the access file is lost', async () => {
    usePrepared();
    const first = await start();
    await query(first.url, 'CREATE TABLE kept AS SELECT 9 AS n');
    await first.stop();
    await rm(`${first.dataDir}.access.json`);
    const second = await start();
    expect(second.connection.password).not.toBe(first.connection.password);
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 9 }]);
    await expect(
      query(first.url.replace(`:${first.port}/`, `:${second.port}/`), 'SELECT 1'),
    ).rejects.toMatchObject({
      code: '28P01',
    });
  });

  it('begins again where a first start was killed half-way', async () => {
    const unfinished = join(folder, 'pg.unfinished');
    await mkdir(unfinished, { mode: 0o700 });
    await writeFile(join(unfinished, 'PG_VERSION'), '18\n');
    const server = await start();
    expect(server.firstStart).toBe(true);
    expect(await readdir(folder)).not.toContain('pg.unfinished');
  });

  it('leaves a folder alone that holds something else', async () => {
    const dataDir = join(folder, 'photos');
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'cat.jpg'), 'meow');
    await expect(start(dataDir)).rejects.toMatchObject({ code: 'SLUICE_POSTGRES_DIR_FOREIGN' });
    expect(await readdir(dataDir)).toEqual(['cat.jpg']);
  });

  it('says so when the data were made by another major version', async () => {
    usePrepared();
    const first = await start();
    await first.stop();
    await writeFile(join(first.dataDir, 'PG_VERSION'), '17\n');
    await expect(start()).rejects.toMatchObject({ code: 'SLUICE_POSTGRES_VERSION' });
  });

  it('removes its owner mark when it stops, so that anybody may be next', async () => {
    usePrepared();
    const first = await start();
    await first.stop();
    const { report } = await supervise(first.dataDir, { mode: 'once' });
    expect(report.firstStart).toBe(false);
  });
});

describe.runIf(asRoot)('an embedded PostgreSQL, started as root', () => {
  it('runs as an unprivileged user', async () => {
    usePrepared();
    const server = await start();
    const status = await readFile(`/proc/${server.pid}/status`, 'utf8');
    expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).not.toBe('0');
    expect(/^Groups:\s*(.*)$/m.exec(status)?.[1]?.trim().split(' ')).not.toContain('0');
    expect((await stat(server.dataDir)).uid).not.toBe(0);
  });

  it('moves its data to where that user can go, says where, and finds them again', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o700 });
    const sentences: string[] = [];
    const log = { ...silentLogger, info() {}, warn: (_: unknown, text: string) => sentences.push(text) };
    const wanted = join(closed, 'pg');
    const first = await startEmbeddedPostgres({
      dataDir: wanted,
      log: log as unknown as typeof silentLogger,
    });
    running.push(first);
    try {
      expect(first.dataDir.startsWith(closed)).toBe(false);
      expect(sentences.join()).toContain(first.dataDir);
      await query(first.url, 'CREATE TABLE kept AS SELECT 5 AS n');
      await first.stop();
      const second = await start(wanted);
      expect(second.dataDir).toBe(first.dataDir);
      expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 5 }]);
      await second.stop();
    } finally {
      await rm(dirname(first.dataDir), { recursive: true, force: true });
    }
  });

  it('goes on as the ordinary user who made the data, and leaves them usable for him', async () => {
    const own = join(folder, 'own');
    await mkdir(own);
    await chown(own, NOBODY.uid, NOBODY.gid);
    const dataDir = join(own, 'pg');
    // Neither HOME nor USER: service managers start people's programs like that.
    const environment = { PATH: process.env.PATH ?? '' };
    const asUser = { ...NOBODY, env: environment, mode: 'once' as const };
    expect((await supervise(dataDir, asUser)).report).toMatchObject({ firstStart: true });
    await until(() => children.every((child) => child.exitCode !== null));
    const server = await start(dataDir);
    expect((await stat(`/proc/${server.pid}`)).uid).toBe(NOBODY.uid);
    await server.stop();
    expect((await supervise(dataDir, asUser)).report).toMatchObject({ firstStart: false });
  });

  it('tells an ordinary user that the data are not his', async () => {
    usePrepared();
    const server = await start();
    await server.stop();
    const { report } = await supervise(server.dataDir, { ...NOBODY, mode: 'once' });
    expect(report.code).toBe('SLUICE_POSTGRES_DIR_OWNER');
  });
});
