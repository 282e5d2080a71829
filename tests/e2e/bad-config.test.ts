/** A bad configuration stops the start, with every fault, its place in the file, and exit code 2. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { PoolRig } from '../kit/pool-rig.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sluice(...args: string[]): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [projectPath('dist', 'src', 'cli.js'), ...args], (error, stdout, stderr) => {
      const code = error ? Number(error.code) : 0;
      resolve({ code, text: `${stdout}${stderr}` });
    });
  });
}

function configFile(name: string, changes: (text: string) => string = (text) => text): string {
  const path = join(folder, `${name}.yaml`);
  const text = `instance: sluice-test
kaspa:
  network: devnet
  payAddress: ${demoAddresses('devnet', 1)[0]}
  nodes:
    - { name: none, address: "127.0.0.1:9" }
stratum:
  host: 127.0.0.1
  ports:
    - { port: 0, difficulty: 1 }
database:
  url: postgres://nobody:secret-of-mine@127.0.0.1:9/none
journal:
  directory: ${join(folder, `journal-${name}`)}
http: { port: 0 }
`;
  writeFileSync(path, changes(text));
  return path;
}

describe('a configuration', () => {
  it('that is good passes the check', async () => {
    const { code, text } = await sluice('config', 'check', configFile('good'));
    expect([code, text]).toEqual([0, expect.stringContaining('good. 1 port(s), 1 node(s).')]);
  });

  const CASES: readonly (readonly [string, (text: string) => string, readonly RegExp[]])[] = [
    [
      'unknown-key',
      (text) => text.replace('directory:', 'directroy:'),
      [/unknown-key\.yaml:14:3 {2}journal\.directroy: unknown key; did you mean "directory"\?/],
    ],
    [
      'several-faults',
      (text) =>
        text.replace('network: devnet', 'network: moonnet').replace('difficulty: 1', 'difficulty: -1'),
      [
        /several-faults\.yaml:3:3 {2}kaspa\.network/,
        /several-faults\.yaml:10:\d+ {2}stratum\.ports\.0\.difficulty/,
      ],
    ],
    ['no-yaml', () => 'kaspa: [1, 2\nstratum: {', [/no-yaml\.yaml:\d+:\d+/]],
    ['empty', () => '', [/empty\.yaml:1:1 {2}kaspa/, /empty\.yaml:1:1 {2}stratum/]],
    [
      'foreign-treasury',
      (text) => text.replace(demoAddresses('devnet', 1)[0]!, demoAddresses('mainnet', 1)[0]!),
      [/kaspadev:/],
    ],
  ];

  it.each(CASES)('%s is refused by check and by serve, with exit code 2', async (name, changes, faults) => {
    const file = configFile(name, changes);
    for (const verb of [
      ['config', 'check', file],
      ['serve', '--config', file],
    ]) {
      const { code, text } = await sluice(...verb);
      for (const fault of faults) expect(text).toMatch(fault);
      expect(code).toBe(2);
      expect(text).not.toContain('secret-of-mine');
    }
  });

  it('that is not there is refused with exit code 2 and says how to get one', async () => {
    const { code, text } = await sluice('serve', '--config', join(folder, 'missing.yaml'));
    expect([code, text]).toEqual([2, expect.stringContaining('sluice config example')]);
  });

  it('with a port that is in use ends with exit code 3 and names the port', async () => {
    const rig = await PoolRig.open({ difficultyLog2: 0, networkDifficultyLog2: 10 });
    const server = createServer();
    try {
      await new Promise<void>((resolve) => server.listen(rig.stratumPort, '127.0.0.1', resolve));
      expect(await rig.startEngine().exited).toBe(3);
      expect(readFileSync(rig.engineLog, 'utf8')).toContain(`127.0.0.1:${rig.stratumPort}`);
    } finally {
      server.close();
      await rig.close();
    }
  });

  it('is not what unknown options and verbs are for: they are refused with exit code 2', async () => {
    expect((await sluice('serve', '--confg', 'x')).code).toBe(2);
    expect((await sluice('sevre')).code).toBe(2);
  });
});
