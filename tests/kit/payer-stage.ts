/**
 * What a payer needs, for tests: a simulated node with rewards of ours on it, a database that knows them, accounts with balances, a
 * key, a configuration. The payer itself runs as a process, or its parts in the test.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { type ChildRole, startChildRole } from '../../src/app/child-role.ts';
import { encodeAddress } from '../../src/chains/kaspa/address.ts';
import { NodeLink } from '../../src/chains/kaspa/node-link.ts';
import { TreasuryKey } from '../../src/chains/kaspa/signing.ts';
import { blockOfTemplate, readTemplate } from '../../src/chains/kaspa/template.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { post } from '../../src/ledger/books.ts';
import { Lead } from '../../src/ledger/lead.ts';
import { runSimnode, type SimnodeHandle, type SimnodeOptions } from '../../src/simnode/simnode.ts';
import { grindBlock } from './block-grinder.ts';
import { pollUntil } from './poll-until.ts';
import type { FreshDatabase, TestDatabase } from './test-database.ts';

export const STAGE_KAS = 100_000_000n;
export const STAGE_KEY = 'b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef';
const sdk = createRequire(import.meta.url)('kaspa-wasm');
export const STAGE_TREASURY: string = new sdk.PrivateKey(STAGE_KEY)
  .toKeypair()
  .toAddress('devnet')
  .toString();
/** Short, so that a payout confirms within seconds. */
export const STAGE_DEPTH = 15;

export function payeeAddress(number: number): string {
  const payload = new Uint8Array(32).fill(3);
  new DataView(payload.buffer).setUint32(8, number);
  return encodeAddress({ prefix: 'kaspadev', version: 0, payload });
}

export interface VerbResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class PayerStage {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-payer-'));
  readonly configFile = join(this.folder, 'sluice.yaml');
  readonly keyFile = join(this.folder, 'key');
  readonly database: FreshDatabase;
  readonly simnode: SimnodeHandle;
  readonly link: NodeLink;
  readonly #children: (ChildRole | ChildProcess)[] = [];

  private constructor(database: FreshDatabase, simnode: SimnodeHandle) {
    this.database = database;
    this.simnode = simnode;
    this.link = new NodeLink({
      name: 'test',
      address: simnode.address,
      networkId: 'devnet',
      log: silentLogger,
    });
    this.link.start();
    writeFileSync(this.keyFile, `${STAGE_KEY}\n`, { mode: 0o600 });
    this.configure();
  }

  static async open(databases: TestDatabase, options: Partial<SimnodeOptions> = {}): Promise<PayerStage> {
    const simnode = await runSimnode({
      listen: ['127.0.0.1:0'],
      controlPort: -1,
      difficultyLog2: -24,
      blocksPerSecond: 10,
      redRate: 0,
      maturityDaa: STAGE_DEPTH,
      subsidySompi: 500n * STAGE_KAS,
      ...options,
    });
    const stage = new PayerStage(await databases.freshDatabase(), simnode);
    await pollUntil('the link is up', () => stage.link.connected);
    return stage;
  }

  /** Payouts every three seconds, confirmed within two; `more` goes over `payouts`. */
  configure(
    more: Readonly<Record<string, unknown>> = {},
    kaspa: Readonly<Record<string, unknown>> = {},
    rewards: Readonly<Record<string, unknown>> = {},
  ): void {
    const config = {
      kaspa: {
        network: 'devnet',
        payAddress: STAGE_TREASURY,
        nodes: [{ name: 'simnode', address: this.simnode.address }],
        ...kaspa,
      },
      database: { url: this.database.url },
      stratum: { ports: [{ port: 0, difficulty: 1 }] },
      journal: { directory: join(this.folder, 'journal') },
      rewards: { maturityDaa: STAGE_DEPTH, ...rewards },
      payouts: {
        keyFile: this.keyFile,
        stateDirectory: join(this.folder, 'state'),
        intervalMinutes: 0.05,
        confirmDaa: STAGE_DEPTH,
        ...more,
      },
    };
    writeFileSync(this.configFile, stringify(config), { mode: 0o600 });
  }

  get key(): TreasuryKey {
    return TreasuryKey.read(this.keyFile, STAGE_TREASURY, 'devnet', undefined);
  }

  /** So many rewards of ours, mature and in the books. */
  async fund(blocks: number): Promise<void> {
    for (let i = 0; i < blocks; i++) {
      const { block } = await this.link.getBlockTemplate(STAGE_TREASURY, 'stage');
      const reading = readTemplate(block, 'stage', 0);
      if (!reading.ok) throw new Error(reading.reason);
      const found = blockOfTemplate(reading.template, await grindBlock(reading.template));
      const answer = await this.link.submitBlock(found.block);
      if (!answer.ok) throw new Error(answer.reason);
    }
    this.simnode.command('mine', { value: STAGE_DEPTH + 5 });
    await this.#takeIn();
  }

  async #takeIn(): Promise<void> {
    const { sql } = this.database;
    const epoch = await this.#epoch();
    for (const { transactionId, index, amountSompi, blockDaaScore } of await this.link.utxosOf([
      STAGE_TREASURY,
    ])) {
      const known =
        await sql`SELECT FROM treasury_outputs WHERE txid = ${transactionId} AND output_index = ${index}`;
      if (known.length > 0) continue;
      const id = await post(sql, epoch, {
        key: `unattributed:${transactionId}:${index}`,
        kind: 'attribute',
        detail: {},
        entries: [
          { kind: 'treasury', sompi: -amountSompi },
          { kind: 'unattributed', sompi: amountSompi },
        ],
      });
      await sql`
        INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, transaction_id, leader_epoch)
        VALUES (${transactionId}, ${index}, ${amountSompi}, 'unattributed', ${blockDaaScore}, ${id}, ${epoch})`;
    }
  }

  /** Gives an account a balance, also while a payer runs: in its name. A withdrawal, so that the auditor finds nothing amiss. */
  async credit(address: string, sompi: bigint): Promise<bigint> {
    const { sql } = this.database;
    const [row] = await sql<{ id: bigint }[]>`
      INSERT INTO accounts (address) VALUES (${address}) ON CONFLICT (address) DO UPDATE SET address = excluded.address
      RETURNING id`;
    await post(sql, await this.#epoch(), {
      key: `credit:${address}:${process.hrtime.bigint()}`,
      kind: 'withdraw',
      detail: {},
      entries: [
        { kind: 'unattributed', sompi: -sompi },
        { kind: 'miner', accountId: row!.id, sompi },
      ],
    });
    return row!.id;
  }

  async #epoch(): Promise<bigint> {
    const { sql } = this.database;
    const [row] = await sql<{ epoch: bigint }[]>`SELECT epoch FROM leaders WHERE role = 'payer'`;
    if (row) return row.epoch;
    const [taken] = await sql<{ epoch: bigint }[]>`SELECT take_lead('payer', 'the stage') AS epoch`;
    return taken!.epoch;
  }

  async leading<T>(work: (lead: Lead) => Promise<T>): Promise<T> {
    const lead = await this.takeLead();
    try {
      return await work(lead);
    } finally {
      lead.close();
    }
  }

  /** The server needs a moment to see that the holder's connection is gone. */
  async takeLead(): Promise<Lead> {
    for (;;) {
      try {
        return await Lead.take(this.database.url, 'test');
      } catch (error) {
        if ((error as { code?: string }).code !== 'SLUICE_LEAD_TAKEN') throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** Resolves when it leads and has checked what it must. */
  async startPayer(): Promise<ChildRole> {
    const role = await startChildRole({
      name: 'payer',
      args: ['payer', '--config', this.configFile],
      logFile: join(this.folder, 'payer.log'),
    });
    this.#children.push(role);
    return role;
  }

  /** One that may have to wait for the lead. */
  spawnPayer(): ChildProcess {
    const log = openSync(join(this.folder, 'payer-2.log'), 'a');
    const child = spawn(
      process.execPath,
      [projectPath('dist', 'src', 'cli.js'), 'payer', '--config', this.configFile],
      {
        stdio: ['ignore', log, log],
      },
    );
    this.#children.push(child);
    return child;
  }

  log(name = 'payer.log'): string {
    return readFileSync(join(this.folder, name), 'utf8');
  }

  figures(): string {
    return readFileSync(join(this.folder, 'state', 'payer.prom'), 'utf8');
  }

  async verb(...args: readonly string[]): Promise<VerbResult> {
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [
        projectPath('dist', 'src', 'cli.js'),
        ...args,
        '--config',
        this.configFile,
      ]);
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  }

  async states(): Promise<string[]> {
    const rows = await this.database.sql<{ state: string }[]>`SELECT state FROM payouts ORDER BY id`;
    return rows.map(({ state }) => state);
  }

  /** What lies at an address, mempool aside. */
  async paidTo(address: string): Promise<bigint> {
    return (await this.link.utxosOf([address])).reduce((sum, { amountSompi }) => sum + amountSompi, 0n);
  }

  async balance(kind: string): Promise<bigint> {
    const [row] = await this.database.sql<{ sompi: bigint }[]>`
      SELECT coalesce(sum(balance_sompi), 0)::bigint AS sompi FROM ledger_accounts WHERE kind = ${kind}`;
    return row!.sompi;
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      const one = 'process' in child ? child.process : child;
      if (one.exitCode !== null || one.signalCode !== null) continue;
      const exited = once(one, 'exit');
      one.kill('SIGKILL');
      await exited;
    }
    this.link.close();
    await this.simnode.close();
    await this.database.drop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
