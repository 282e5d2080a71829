/** `sluice ban`, and an engine that takes what it wrote. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { StratumClient } from '../kit/stratum-client.ts';

const execute = promisify(execFile);
const cli = projectPath('dist', 'src', 'cli.js');
const LOGIN = { id: 1, method: 'mining.authorize', params: [`${demoAddresses(RIG_NETWORK, 1)[0]}.rig`, 'x'] };

let rig: PoolRig;
let folder: string;
let banFile: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-ban-'));
  banFile = join(folder, 'bans.yaml');
  rig = await PoolRig.open({ difficultyLog2: -16, networkDifficultyLog2: 12, stratum: { banFile } });
  await rig.startEngine().ready;
}, 60_000);
afterAll(async () => {
  await rig?.close();
  rmSync(folder, { recursive: true, force: true });
});

const ban = async (...words: string[]): Promise<string> =>
  (await execute(process.execPath, [cli, 'ban', ...words, '--config', rig.configFile])).stdout;

describe('a ban', () => {
  it('ends the connections that it concerns at SIGHUP, keeps others from coming, and ends itself', async () => {
    const miner = await StratumClient.connect('127.0.0.1', rig.stratumPort);
    miner.send(LOGIN);
    await miner.push('mining.notify');
    await ban('add', '127.0.0.0/8', '--for', '2h', '--reason', 'a test');
    rig.engine.process.kill('SIGHUP');
    await pollUntil('the miner is closed', () => miner.closed);
    const again = await StratumClient.connect('127.0.0.1', rig.stratumPort);
    again.send(LOGIN);
    expect((await again.next()).error![1]).toMatch(/banned from this pool until .*: a test$/);
    expect(await ban('list')).toMatch(/^127\.0\.0\.0\/8 {2}\d{4}-.*Z {2}a test\n$/);
    await ban('remove', '127.0.0.0/8');
    rig.engine.process.kill('SIGHUP');
    await pollUntil('it may come again', async () => {
      const client = await StratumClient.connect('127.0.0.1', rig.stratumPort);
      client.send(LOGIN);
      const { result } = await client.next();
      client.socket.destroy();
      return result === true;
    });
    expect(readFileSync(banFile, 'utf8')).not.toContain('network:');
  });

  it('is refused when it makes no sense', async () => {
    for (const words of [
      ['add', 'example.org'],
      ['add', '203.0.113.1', '--for', 'soon'],
      ['remove', '203.0.113.1'],
    ])
      await expect(ban(...words)).rejects.toMatchObject({ code: expect.any(Number) });
    await expect(execute(process.execPath, [cli, 'ban', 'list'])).rejects.toMatchObject({ code: 2 });
  });
});
