/** A running engine, asked by `sluice status` and told by SIGHUP and by the console. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { OperatorStatus } from '../../src/api/operator/status-schema.ts';
import { startChildRole } from '../../src/app/child-role.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig } from '../kit/pool-rig.ts';
import { StratumClient } from '../kit/stratum-client.ts';

const cli = projectPath('dist', 'src', 'cli.js');
const TOKEN = 'a-token-of-an-operator-0123456789abcdef';

let rig: PoolRig;
let socket: string;
beforeAll(async () => {
  rig = await PoolRig.open({
    difficultyLog2: -16,
    networkDifficultyLog2: 12,
    stratum: { banFile: 'bans.yaml' },
    top: { operator: { listen: 'unix:/none', tokenFile: 'none' } },
  });
  socket = join(rig.folder, 'operator.sock');
  const tokenFile = join(rig.folder, 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  changeConfig((config) => {
    config.operator = { listen: `unix:${socket}`, tokenFile };
    config.stratum.banFile = join(rig.folder, 'bans.yaml');
  });
  await rig.startEngine().ready;
}, 60_000);
afterAll(async () => {
  await rig?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: a file of somebody's, as it comes
function changeConfig(change: (config: any) => void): void {
  const config = parse(readFileSync(rig.configFile, 'utf8'));
  change(config);
  writeFileSync(rig.configFile, stringify(config));
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function sluice(...words: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cli, ...words, '--config', rig.configFile],
      { env: { ...process.env, NO_COLOR: '1' } },
      (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    );
  });
}

interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was answered
  readonly answer: any;
}

function ask(method: string, path: string, body = ''): Promise<Answered> {
  const headers = { host: 'localhost', authorization: `Bearer ${TOKEN}` };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, method, path, headers }, (response) => {
      let text = '';
      response.on('data', (piece) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode!, answer: JSON.parse(text) }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const post = (action: string, body: unknown): Promise<Answered> =>
  ask('POST', `/operator/actions/${action}`, JSON.stringify(body));
const status = async (): Promise<OperatorStatus> => (await ask('GET', '/operator/status.json')).answer;
/** What a busy machine does to any engine for a while: no word about this one. */
const OF_THE_MACHINE = new Set(['loop_late', 'threads_busy', 'journal_full']);
const isSound = async (): Promise<boolean> =>
  (await status()).verdict.reasons.every(({ code }) => OF_THE_MACHINE.has(code));
const becomesSound = (): Promise<unknown> => pollUntil('nothing is wrong with it', isSound, 20_000);
const becomes = (state: string): Promise<unknown> =>
  pollUntil(`it is ${state}`, async () => (await status()).verdict.state === state, 20_000);
const log = (): string => readFileSync(rig.engineLog, 'utf8');

describe('sluice status', () => {
  it('says OK with exit code 0, on a socket that only its user and group can open', async () => {
    await becomesSound();
    const { code, stdout } = await sluice('status');
    expect(code).toBe(stdout.startsWith('OK ') ? 0 : 1);
    expect(stdout).toMatch(/^(OK|DEGRADED) {2}Sluice \d+\.\d+\.\d+, devnet, engine process \d+, up /);
    expect(stdout).toMatch(/node +simulated: synced/);
    expect(stdout).not.toContain('\x1b');
    expect(statSync(socket).mode & 0o777).toBe(0o660);
  });

  it('names where each value comes from, and shows no password', async () => {
    const { configuration } = await status();
    const entry = (key: string) => configuration.entries.find((one) => one.key === key);
    expect(entry('instance')).toMatchObject({ value: '"sluice-test"', source: `${rig.configFile}:1` });
    expect(entry('log.level')).toMatchObject({ value: '"info"', source: 'default', effect: 'applied' });
    expect(entry('database.url')!.value).toMatch(/^"postgres:\/\/\[secret\]/);
    const { url } = parse(readFileSync(rig.configFile, 'utf8')).database;
    const password = new URL(url).password;
    if (password !== '') expect(JSON.stringify(configuration)).not.toContain(password);
  });

  it('is degraded with exit code 1 while payouts are halted, and the halt has a name in the record', async () => {
    const { answer } = await post('halt-payouts', { reason: 'a drill' });
    expect(answer.outcome).toMatch(/^payouts are halted: a drill/);
    const [row] = await rig.sql<
      { raised_by: string }[]
    >`SELECT raised_by FROM halts WHERE cleared_at IS NULL`;
    expect(row!.raised_by).toMatch(/^operator \(token, unix socket\)$/);
    await becomes('DEGRADED');
    const degraded = await sluice('status');
    expect(degraded.code).toBe(1);
    expect(degraded.stdout).toMatch(
      /^DEGRADED[\s\S]*payouts are halted: OPERATOR: a drill {2}docs\/runbooks\/payouts-halted\.md/,
    );
    expect((await post('resume-payouts', {})).answer.outcome).toMatch(
      /^payouts go on; cleared: OPERATOR \(a drill\)/,
    );
    expect((await post('run-payout', {})).answer.outcome).toMatch(/^not done: no payer runs/);
    await becomesSound();
    expect(log()).toMatch(/"what":"halt-payouts \{\\"reason\\":\\"a drill\\"\}"/);
  });

  it('bans from the console, at once', async () => {
    const miner = await StratumClient.connect('127.0.0.1', rig.stratumPort);
    expect((await post('ban', { network: '127.0.0.0/8', reason: 'a test', hours: 1 })).status).toBe(200);
    await pollUntil('the miner is closed', () => miner.closed);
    expect((await post('unban', { network: '127.0.0.0/8' })).answer.outcome).toBe(
      '127.0.0.0/8 may connect again',
    );
    expect((await post('unban', { network: '127.0.0.0/8' })).status).toBe(409);
    expect((await post('ban', { network: 'example.org' })).status).toBe(409);
    expect((await post('ban', { net: '1.2.3.4' })).status).toBe(400);
    expect((await post('explode', {})).status).toBe(404);
  });
});

describe('a reload', () => {
  it('applies what it can, names what it cannot, and says both before it is done', async () => {
    changeConfig((config) => {
      config.log = { level: 'debug' };
      config.stratum.publicHost = 'pool.example';
      config.stratum.ports[0].limits = { idleSeconds: 77 };
      config.stratum.ports[0].difficulty = 2 ** -15;
      config.rewards = { pplns: { feePercent: 2 } };
    });
    const diff = await sluice('config', 'diff');
    expect(diff.code).toBe(0);
    expect(diff.stdout).toContain('log.level: "info" -> "debug"\n    would be applied at once');
    expect(diff.stdout).toMatch(
      /stratum\.ports\.0\.difficulty: .* -> .*\n {4}would not be applied: it holds at the next start/,
    );
    expect(diff.stdout).toMatch(
      /rewards\.pplns\.feePercent: 1 -> 2\n {4}would not be applied: it holds at the payer's SIGHUP/,
    );
    rig.engine.process.kill('SIGHUP');
    await pollUntil('it is in force', async () => {
      const { configuration } = await status();
      return configuration.entries.some(({ key, value }) => key === 'log.level' && value === '"debug"');
    });
    const { engines, configuration } = await status();
    expect(configuration.entries.find(({ key }) => key === 'stratum.ports.0.difficulty')!.value).toBe(
      String(2 ** -16),
    );
    expect(engines[0]!.snapshot.ports[0]!.url).toBe(`stratum+tcp://pool.example:${rig.stratumPort}`);
    expect(log()).toMatch(
      /"setting":"stratum\.ports\.0\.limits\.idleSeconds","before":"\d+","after":"77","effect":"applied"/,
    );
    expect(log()).toMatch(
      /"setting":"stratum\.ports\.0\.difficulty"[^\n]*reload: not applied, it holds at the next start/,
    );
    expect((await post('reload', { dryRun: true })).answer.outcome).toBe(
      'would apply 0; 2 of the changes need more than a reload',
    );
  });

  it('applies nothing of a file with a fault in it', async () => {
    const good = readFileSync(rig.configFile, 'utf8');
    changeConfig((config) => {
      config.log = { level: 'error' };
      config.stratum.prots = [];
    });
    const { status: code, answer } = await post('reload', {});
    expect(code).toBe(409);
    expect(answer.outcome).toMatch(
      /^nothing was applied: .*stratum\.prots: unknown key; did you mean "ports"\?/,
    );
    writeFileSync(rig.configFile, good);
    const now = await status();
    expect(now.configuration.entries.find(({ key }) => key === 'log.level')!.value).toBe('"debug"');
  });
});

describe('sluice status of an engine that is not well', () => {
  it('is down with exit code 3 without a node, and when nobody answers; 2 with a wrong token', async () => {
    const tokenFile = join(rig.folder, 'token');
    writeFileSync(tokenFile, 'another-token-of-an-operator-0123456789', { mode: 0o600 });
    const refused = await sluice('status');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('That is not the token')]);
    writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
    const node = await rig.killNode();
    await becomes('DOWN');
    const { code, stdout } = await sluice('status');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^DOWN[\s\S]*no synced node {2}docs\/runbooks\/no-synced-node\.md/);
    await rig.engine.kill();
    const gone = await sluice('status');
    expect([gone.code, gone.stderr]).toEqual([3, expect.stringContaining('SLUICE_OPERATOR_UNREACHABLE')]);
    await node.restart();
  });
});

describe('the console of sluice api', () => {
  it('is one for all engines, down without any, and leaves reloads to them', async () => {
    const directory = join(rig.folder, 'live');
    mkdirSync(directory);
    changeConfig((config) => {
      config.operator.servedBy = 'api';
      config.live = { directory };
      config.http.enabled = false;
    });
    const logFile = join(rig.folder, 'api.log');
    const api = await startChildRole({ name: 'api', args: ['api', '--config', rig.configFile], logFile });
    try {
      expect(api.info.operatorAddress).toBe(`unix:${socket}`);
      const { code, stdout } = await sluice('status');
      expect([code, stdout]).toEqual([3, expect.stringContaining('no engine has told anything')]);
      expect((await post('reload', {})).answer.outcome).toMatch(/^nothing was applied: engines read/);
      await rig.startEngine().ready;
      await becomesSound();
      const { service, engines } = await status();
      expect([service.role, engines.map(({ instance }) => instance)]).toEqual(['api', ['sluice-test']]);
      await rig.engine.kill();
      await becomes('DOWN');
      expect((await status()).verdict.reasons[0]!.text).toMatch(/^the engine has said nothing for \d+ s$/);
      expect((await post('halt-payouts', { reason: 'from the api' })).status).toBe(200);
    } finally {
      await api.stop();
    }
  });
});
