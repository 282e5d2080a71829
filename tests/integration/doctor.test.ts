import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { examine } from '../../src/app/doctor/doctor.ts';
import { lookAtFiles } from '../../src/app/doctor/files-check.ts';
import type { Finding } from '../../src/app/doctor/finding.ts';
import { judgeSyncs } from '../../src/app/doctor/journal-check.ts';
import { lookAtKernel, SETTINGS } from '../../src/app/doctor/kernel-settings.ts';
import { lookAtNodes } from '../../src/app/doctor/nodes-check.ts';
import { lookAtPorts } from '../../src/app/doctor/ports-check.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { runSimnode, type SimnodeHandle } from '../../src/simnode/simnode.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const ADDRESS = 'kaspadev:qr0lr4ml9fn3chekrqmjdkergxl93l4wrk3dankcgvjq776s9wn9j6n4stne3';
const KEY = 'b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef';

let folder: string;
let databases: TestDatabase;
let database: FreshDatabase;
let simnode: SimnodeHandle;
let taken: Server;
let configFile: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-doctor-'));
  databases = await withTestDatabase();
  database = await databases.freshDatabase();
  simnode = await runSimnode({
    listen: ['127.0.0.1:0'],
    controlPort: -1,
    difficultyLog2: -20,
    blocksPerSecond: 0,
  });
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  writeFileSync(join(folder, 'database-url'), database.url, { mode: 0o644 });
  writeFileSync(join(folder, 'payout-key'), KEY, { mode: 0o600 });
  mkdirSync(join(folder, 'journal'), { mode: 0o700 });
  configFile = join(folder, 'sluice.yaml');
  writeFileSync(configFile, configText());
});

afterAll(async () => {
  taken?.close();
  await simnode?.close();
  await databases?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function configText(): string {
  return `kaspa: { network: devnet, payAddress: "${ADDRESS}", nodes: [ { name: a, address: "${simnode.address}" } ] }
stratum: { host: 127.0.0.1, ports: [ { port: ${(taken.address() as AddressInfo).port}, difficulty: 64 } ] }
database: { urlFile: "\${CREDENTIALS_DIRECTORY}/database-url" }
payouts: { keyFile: "\${CREDENTIALS_DIRECTORY}/payout-key" }
http: { port: 0 }
journal: { directory: ${join(folder, 'journal')} }
`;
}

function config(): Config {
  const result = parseConfig(readFileSync(configFile, 'utf8'), configFile);
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.config;
}

const named = (findings: readonly Finding[], name: string): Finding => {
  const found = findings.find((one) => one.name === name);
  if (!found) throw new Error(`nothing was said of ${name}`);
  return found;
};

describe('a look at a machine before it goes live', () => {
  it('finds what is wrong, each with what to change, and leaves nothing behind', async () => {
    const env = { CREDENTIALS_DIRECTORY: folder };
    const findings = await examine(config(), { configFile, env, diskTrialMs: 50 });
    // The database of the tests runs without it.
    expect(named(findings, 'fsync')).toMatchObject({ area: 'database', state: 'fail', found: 'off' });
    expect(named(findings, 'fsync').change).toContain('ALTER SYSTEM SET fsync = on');
    expect(named(findings, 'synchronous_commit').state).toBe('ok');
    expect(named(findings, 'schema').state).toBe('ok');
    expect(named(findings, 'stratum.ports.0')).toMatchObject({ state: 'fail' });
    expect(named(findings, 'http').state).toBe('ok');
    expect(named(findings, 'database.urlFile').found).toContain('mode 644');
    expect(named(findings, 'payouts.keyFile').state).toBe('ok');
    expect(named(findings, 'payouts.stateDirectory').state).toBe('warn');
    expect(named(findings, 'proof of work').state).toBe('ok');
    expect(named(findings, 'a')).toMatchObject({ area: 'nodes', state: 'ok' });
    expect(named(findings, 'how many').state).toBe('warn');
    expect(named(findings, 'fdatasync').found).toMatch(/^p50 /);
    for (const one of findings.filter(({ state }) => state !== 'ok'))
      expect(one.change, one.name).not.toBe('');
    expect(readdirSync(join(folder, 'journal'))).toEqual([]);
  });

  it('says nothing of a secret but that others may read it', () => {
    const key = join(folder, 'payout-key');
    chmodSync(key, 0o644);
    const findings = lookAtFiles(config(), configFile, { CREDENTIALS_DIRECTORY: folder });
    chmodSync(key, 0o600);
    expect(named(findings, 'payouts.keyFile')).toMatchObject({ state: 'fail' });
    expect(named(findings, 'payouts.keyFile').change).toContain('chmod 600');
    expect(JSON.stringify(findings)).not.toContain(KEY);
    expect(JSON.stringify(findings)).not.toContain(new URL(database.url).password);
  });

  it('names the variable where the secrets of a service are looked for without it', () => {
    const findings = lookAtFiles(config(), configFile, {});
    expect(named(findings, 'database.urlFile').change).toContain('CREDENTIALS_DIRECTORY=');
  });

  it('tells an unsynced node, one of another network and one that is away from each other', async () => {
    const { kaspa, ...rest } = config();
    simnode.command('unsynced', { value: 'on' });
    const [unsynced, foreign, away] = await Promise.all([
      lookAtNodes({ ...rest, kaspa }),
      lookAtNodes({ ...rest, kaspa: { ...kaspa, network: 'mainnet' } }),
      lookAtNodes({ ...rest, kaspa: { ...kaspa, nodes: [{ name: 'a', address: '127.0.0.1:1' }] } }),
    ]);
    simnode.command('unsynced', { value: 'off' });
    expect(named(unsynced, 'a')).toMatchObject({ state: 'fail' });
    expect(named(unsynced, 'a').found).toContain('not synced');
    expect(named(foreign, 'a').change).toContain('a node of mainnet');
    expect(named(foreign, 'treasury').state).toBe('fail');
    expect(named(away, 'a').found).toContain('not connected');
  });

  it('does not ask for a port that the engine will not open', async () => {
    const { http, ...rest } = config();
    const { port } = taken.address() as AddressInfo;
    const findings = await lookAtPorts({
      ...rest,
      http: { ...http, enabled: false, host: '127.0.0.1', port },
    });
    expect(named(findings, 'http')).toMatchObject({ state: 'ok' });
    expect(named(findings, 'http').found).toContain('sluice api');
  });

  it('calls a disk slow, hardly usable, or too good to be true', () => {
    const times = (ms: number): number[] => Array.from({ length: 100 }, () => ms);
    expect(judgeSyncs(times(0.4)).state).toBe('ok');
    expect(judgeSyncs([...times(1), ...times(30)]).state).toBe('warn');
    expect(judgeSyncs(times(80)).state).toBe('fail');
    expect(judgeSyncs(times(0.001)).expected).toContain('written nothing');
  });

  it('ends with 1 and an answer for programs when something has to change', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [
        projectPath('dist', 'src', 'cli.js'),
        'doctor',
        '--config',
        configFile,
        '--json',
        '--disk-seconds',
        '0.05',
      ],
      { encoding: 'utf8', env: { ...process.env, CREDENTIALS_DIRECTORY: folder } },
    );
    const { summary, findings } = JSON.parse(stdout) as { summary: { fail: number }; findings: Finding[] };
    expect(status).toBe(1);
    expect(summary.fail).toBe(findings.filter(({ state }) => state === 'fail').length);
  });
});

describe('the kernel’s settings', () => {
  const sys = (): string => join(folder, 'sys');
  const lay = (key: string, text: string): void => {
    const path = join(sys(), ...key.split('.'));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${text}\n`);
  };

  it('of deploy/sysctl.d are what the look asks for', () => {
    const lines = readFileSync(projectPath('deploy', 'sysctl.d', '60-sluice.conf'), 'utf8').split('\n');
    for (const line of lines) {
      const [, key, value] = /^([a-z][a-z0-9_.-]+) = (.+)$/.exec(line) ?? [];
      if (key !== undefined) lay(key, value!);
    }
    const findings = lookAtKernel(sys());
    expect(findings.map(({ name }) => name)).toEqual([
      ...SETTINGS.map(({ key }) => key),
      'net.ipv4.ip_local_port_range',
    ]);
    expect(findings.filter(({ state }) => state !== 'ok')).toEqual([]);
  });

  it('that are usual are told with their number', () => {
    lay('net.ipv4.tcp_wmem', '4096\t16384\t4194304');
    const finding = named(lookAtKernel(sys()), 'net.ipv4.tcp_wmem');
    expect(finding).toMatchObject({ state: 'warn', found: '4194304' });
    expect(finding.change).toContain('sysctl --system');
  });
});
