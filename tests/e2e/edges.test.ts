/** Several engines behind one port: miners come to all of them, each share is kept once, and one that dies comes back. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { ShareKeys } from '../kill/client-truth.ts';
import { countRows, readDatabase } from '../kill/database-truth.ts';
import type { EngineInfo } from '../kit/engine-process.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_INSTANCE, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient } from '../kit/share-client.ts';

const execute = promisify(execFile);
const ADDRESS = demoAddresses(RIG_NETWORK, 1)[0]!;
const SHARES = 20;

let rig: PoolRig;
let info: EngineInfo;
let acknowledged = 0;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-edges-'));
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, 'a-token-of-an-operator-0123456789abcdef\n', { mode: 0o600 });
  const operator = { listen: `unix:${join(folder, 'operator.sock')}`, tokenFile };
  rig = await PoolRig.open({ folder, difficultyLog2: -24, networkDifficultyLog2: 10, top: { operator } });
  info = await rig.startEngine('--edges', '2').ready;
}, 90_000);

afterAll(async () => {
  await rig?.engine.stop();
  await rig?.close();
});

const sessionsOf = async (httpUrl: string): Promise<number> => {
  const pool = (await (await fetch(new URL('/api/v1/pool', httpUrl))).json()) as { workers: number };
  return pool.workers;
};

async function mine(count: number): Promise<void> {
  const miner = await ShareClient.login(rig.stratumPort, `${ADDRESS}.rig${acknowledged}`);
  const job = miner.job!.id;
  const codes = await Promise.all(miner.find(count).map((nonce) => miner.submit(nonce, job)));
  expect(codes).toEqual(codes.map(() => 0));
  acknowledged += count;
  miner.destroy();
}

async function allIsStoredOnce(): Promise<void> {
  await pollUntil(
    'all acknowledged shares are in PostgreSQL',
    async () => (await countRows(rig.sql)) >= acknowledged,
    30_000,
  );
  const database = await readDatabase(rig.sql, new ShareKeys());
  expect([database.shares.size, database.doubled, database.wrongSums]).toEqual([acknowledged, [], 0]);
}

const connectOnce = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const tell = (came: boolean): void => {
      socket.destroy();
      resolve(came);
    };
    socket.once('connect', () => tell(true)).once('error', () => tell(false));
  });

describe('two edges behind one port', { timeout: 90_000 }, () => {
  it('both take miners, and every share is stored once, under the edge that took it', async () => {
    expect(info.edgePids).toHaveLength(2);
    // Who takes a connection is a race that the less busy edge wins, so each has its turn while the other one stands still.
    const miners: ShareClient[] = [];
    for (const pid of info.edgePids!) {
      process.kill(pid, 'SIGSTOP');
      const logins = Array.from({ length: 20 }, (_, i) =>
        ShareClient.login(rig.stratumPort, `${ADDRESS}.many${miners.length + i}`),
      );
      miners.push(...(await Promise.all(logins).finally(() => process.kill(pid, 'SIGCONT'))));
    }
    const jobs = miners.map((miner) => miner.job!.id);
    for (const [index, miner] of miners.entries()) {
      const [nonce] = miner.find(1);
      // The newest job of either edge: ids may be alike, the work never is.
      expect(await miner.submit(nonce!), jobs[index]).toBe(0);
      acknowledged++;
    }
    const counts = await pollUntil('both pages show their miners', async () => {
      const each = await Promise.all(info.httpUrls!.map(sessionsOf));
      return each.reduce((sum, one) => sum + one, 0) === miners.length && each;
    });
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (const miner of miners) miner.destroy();
    await allIsStoredOnce();
    const instances = await rig.sql<{ name: string }[]>`SELECT name FROM instances ORDER BY name`;
    expect(instances.map(({ name }) => name)).toEqual([`${RIG_INSTANCE}-1`, `${RIG_INSTANCE}-2`]);
  });

  it('each tell the operator of themselves, asked by number; asked without, the command says how', async () => {
    const status = (...more: string[]) =>
      execute(process.execPath, [
        projectPath('dist', 'src', 'cli.js'),
        ...['status', '--json', '--config', rig.configFile],
        ...more,
      ]).catch((failed: { stdout: string; stderr: string }) => failed);
    const asked = await Promise.all(['1', '2'].map((number) => status('--edge', number)));
    const instances = asked.map(({ stdout }) =>
      (JSON.parse(stdout) as { engines: { instance: string }[] }).engines.map(({ instance }) => instance),
    );
    expect(instances).toEqual([[`${RIG_INSTANCE}-1`], [`${RIG_INSTANCE}-2`]]);
    expect((await status()).stderr).toContain('--edge 1');
  });

  it('one that is killed comes back, and loses nothing that it had answered', async () => {
    await mine(SHARES);
    const [victim] = info.edgePids!;
    process.kill(victim!, 'SIGKILL');
    // The other one and the kernel's queue are there all the time.
    for (let i = 0; i < 5; i++) expect(await connectOnce(rig.stratumPort)).toBe(true);
    await mine(SHARES);
    await pollUntil(
      'the page of the killed edge is back',
      () =>
        sessionsOf(info.httpUrls![0]!).then(
          () => true,
          () => false,
        ),
      30_000,
    );
    await mine(SHARES);
    await allIsStoredOnce();
  });
});

describe('a reward', { timeout: 60_000 }, () => {
  const cli = projectPath('dist', 'src', 'cli.js');
  const preview = (...more: string[]) =>
    execute(process.execPath, [
      cli,
      'rewards',
      'preview',
      '--config',
      rig.configFile,
      '--minutes',
      '60',
      ...more,
    ]);

  it('is divided over what all edges have stored, to the last sompi', async () => {
    const { stdout } = await preview('--reward', '100.00000007', '--fee-percent', '1.5', '--json');
    const told = JSON.parse(stdout) as {
      feeSompi: string;
      parts: { address: string; creditSompi: string }[];
    };
    expect(told.parts.map(({ address }) => address)).toEqual([ADDRESS]);
    expect(BigInt(told.feeSompi) + BigInt(told.parts[0]!.creditSompi)).toBe(10_000_000_007n);
    // One per cent is the scheme's own fee.
    expect((await preview('--reward', '100')).stdout).toMatch(new RegExp(`99\\.00000000 .*${ADDRESS}`));
  });

  it.each([
    ['--reward', '-5'],
    ['--reward', '1e9'],
    ['--reward', '1', '--minutes', '0'],
  ])('is refused as %s %s', async (...options) => {
    await expect(preview(...options)).rejects.toMatchObject({ code: 2 });
  });
});

describe('impossible edges', { timeout: 60_000 }, () => {
  const cli = projectPath('dist', 'src', 'cli.js');

  it.each(['0', '-1', '1000', '1.5', 'two', ''])('--edges "%s" is refused with 2', async (text) => {
    const refused = await execute(process.execPath, [
      cli,
      'serve',
      '--config',
      rig.configFile,
      '--edges',
      text,
    ]).catch((error: { code: number; stderr: string }) => error);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toMatch(/--edges|expected/);
  });

  it('a port that is taken is told once, and nothing stays behind', async () => {
    const refused = await execute(process.execPath, [
      cli,
      'serve',
      '--config',
      rig.configFile,
      '--edges',
      '2',
    ]).catch((error: { code: number; stderr: string }) => error);
    expect(refused).toMatchObject({ code: 3 });
    expect(refused.stderr).toContain('SLUICE_PORT_IN_USE');
  });
});

describe('sockets from systemd', { timeout: 60_000 }, () => {
  it('are listened on instead of the configured port, when they are named', async () => {
    const holder = createServer();
    holder.listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as { port: number };
    // What systemd does: the socket at descriptor 3, and the process's own pid.
    const other = await PoolRig.open({ difficultyLog2: -24, networkDifficultyLog2: 10 });
    const cli = projectPath('dist', 'src', 'cli.js');
    const child = spawn(
      'sh',
      [
        '-c',
        'LISTEN_PID=$$ exec "$0" "$@"',
        process.execPath,
        ...[cli, 'serve', '--config', other.configFile],
      ],
      {
        stdio: ['ignore', 'ignore', 'inherit', (holder as unknown as { _handle: { fd: number } })._handle.fd],
        env: { ...process.env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'stratum.0' },
      },
    );
    holder.close();
    try {
      const miner = await pollUntil(
        'the engine serves the inherited socket',
        () => ShareClient.login(port, `${ADDRESS}.rig`).catch(() => undefined),
        40_000,
      );
      expect(await miner.submit(miner.find(1)[0]!)).toBe(0);
      expect(await connectOnce(other.stratumPort)).toBe(false);
      miner.destroy();
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
      // The rig never started an engine of its own.
      await other.startEngine().kill();
      await other.close();
    }
  });
});
