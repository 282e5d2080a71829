/** One running engine, looked at in four ways: page, JSON interface, operator's console and /metrics say the same numbers. */

import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { OperatorStatus } from '../../src/api/operator/status-schema.ts';
import type { PoolView } from '../../src/api/schemas/pool.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig, RIG_NETWORK } from '../kit/pool-rig.ts';
import { ShareClient } from '../kit/share-client.ts';

const TOKEN = 'a-token-of-an-operator-0123456789abcdef';
const SHARES_EACH = 3;
const DUPLICATE = 22;

let rig: PoolRig;
let socket: string;
let httpUrl: string;
const miners: ShareClient[] = [];

beforeAll(async () => {
  rig = await PoolRig.open({
    ...{ difficultyLog2: -24, networkDifficultyLog2: 10 },
    top: { http: { port: 0 }, operator: { listen: 'unix:/none', tokenFile: 'none' } },
  });
  socket = join(rig.folder, 'operator.sock');
  const tokenFile = join(rig.folder, 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const config = parse(readFileSync(rig.configFile, 'utf8')) as Record<string, unknown>;
  config.operator = { listen: `unix:${socket}`, tokenFile };
  writeFileSync(rig.configFile, stringify(config));
  ({ httpUrl } = await rig.startEngine().ready);
}, 60_000);
afterAll(async () => {
  for (const miner of miners) miner.destroy();
  await rig?.close();
});

const get = async (path: string): Promise<string> => (await fetch(new URL(path, httpUrl))).text();
const pool = async (): Promise<PoolView> => JSON.parse(await get('/api/v1/pool')) as PoolView;

function console(): Promise<OperatorStatus> {
  const headers = { host: 'localhost', authorization: `Bearer ${TOKEN}` };
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath: socket, path: '/operator/status.json', headers }, (response) => {
      let text = '';
      response.on('data', (piece) => (text += piece));
      response.on('end', () => resolve(JSON.parse(text) as OperatorStatus));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** The sum of a metric's series, of those with these labels if any are given. */
function metric(exposition: string, name: string, labels = ''): number {
  const lines = exposition.split('\n').filter((line) => /^[a-z]/.test(line) && line.includes(labels));
  const own = lines.filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  if (own.length === 0) throw new Error(`no metric ${name}`);
  return own.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** What stands behind a word of the page's strip. */
function onStrip(html: string, word: string): string | undefined {
  return new RegExp(`<dt>${word}</dt><dd>([^<]*)</dd>`).exec(html)?.[1];
}

it('page, JSON interface, console and metrics agree', { timeout: 60_000 }, async () => {
  const addresses = demoAddresses(RIG_NETWORK, 2);
  for (const login of [`${addresses[0]}.a`, `${addresses[0]}.b`, `${addresses[1]}.a`]) {
    const miner = await ShareClient.login(rig.stratumPort, login);
    miners.push(miner);
    const nonces = miner.find(SHARES_EACH);
    const job = miner.job!.id;
    for (const nonce of nonces) expect(await miner.submit(nonce, job)).toBe(0);
  }
  const [again] = miners[0]!.find(1);
  const job = miners[0]!.job!.id;
  expect(await miners[0]!.submit(again!, job)).toBe(0);
  expect(await miners[0]!.submit(again!, job)).toBe(DUPLICATE);
  const accepted = 3 * SHARES_EACH + 1;
  await pollUntil('all is told and stored', async () => {
    const { shares, database, workers } = await pool();
    if (shares.accepted !== accepted || database.loaded !== accepted || workers !== 3) return false;
    // Each shows its last report, and both come once a second.
    const { snapshot } = (await console()).engines[0]!;
    return snapshot.shares.accepted === accepted && snapshot.workers === 3;
  });
  const [view, status, exposition, html] = await Promise.all([pool(), console(), get('/metrics'), get('/')]);
  const told = status.engines[0]!.snapshot;

  expect(view.shares.rejected.duplicate).toBe(1);
  expect([told.shares.accepted, told.shares.rejected]).toEqual([accepted, view.shares.rejected]);
  const refused = Object.values(view.shares.rejected).reduce((sum, count) => sum + count, 0);
  expect(metric(exposition, 'sluice_validation_submissions_total')).toBe(accepted + refused);
  expect(metric(exposition, 'sluice_validation_submissions_total', 'verdict="duplicate"')).toBe(1);
  expect(html).toContain(`${accepted} shares accepted since the engine started`);

  expect([view.miners, view.workers]).toEqual([2, 3]);
  expect([told.miners, told.workers]).toEqual([2, 3]);
  expect([onStrip(html, 'Miners'), onStrip(html, 'Workers')]).toEqual(['2', '3']);
  expect(metric(exposition, 'sluice_stratum_authorized')).toBe(3);

  const { found } = view.blocks;
  expect(told.blocks.found).toBe(found);
  expect(metric(exposition, 'sluice_ledger_blocks', 'outcome="found"')).toBe(found);
  expect(told.database.loaded).toBe(view.database.loaded);
});
