/**
 * What the kill rounds need: a simulated node whose rewards mature in seconds, PostgreSQL that comes again when it is killed, and a payer
 * with a key. All real processes on loopback; the same ones for all rounds.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type ChildRole, startChildRole } from '../../src/app/child-role.ts';
import { type KeptPostgres, keepPostgres } from '../../src/app/kept-postgres.ts';
import { TreasuryKey } from '../../src/chains/kaspa/signing.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { post } from '../../src/ledger/books.ts';
import { migrate } from '../../src/ledger/migrate.ts';
import { type Database, openDatabase } from '../../src/ledger/stores/postgres.ts';
import type { CrashPoint } from '../../src/payout/crash-points.ts';
import { ControlClient } from '../../src/simnode/control.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { TreasuryMiner } from '../kit/treasury-miner.ts';
import { PayerProcess } from './payer-process.ts';

export const NETWORK = 'devnet';
export const MATURITY_DAA = 20;
/** More than a reorganisation of the rounds takes back: a chain block is worth two of DAA score and more. */
export const CONFIRM_DAA = 60;
/** More outputs than this are joined; a round leaves fewer. */
export const CONSOLIDATE_ABOVE = 40;
const KEY = 'b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef';
const OTHER_KEY = '03'.padStart(64, '0');
const DEPOSIT_BLOCKS = 20;
const DEPOSIT_FEE_SOMPI = 10_000_000n;
const BLOCKS_PER_SECOND = 20;
/** 50 KAS: eight blocks pay a round. */
const SUBSIDY_SOMPI = 5_000_000_000;
const DATABASE_LIMIT_MS = 60_000;
/** A second. */
const ANSWERS_IN_A_ROW = 10;

interface Sdk {
  readonly PrivateKey: new (
    hex: string,
  ) => { toKeypair(): { toAddress(network: string): { toString(): string } } };
}

export class MoneyRig {
  readonly folder: string;
  readonly configFile: string;
  readonly keyFile: string;
  readonly treasury: string;
  readonly sql: Database;
  readonly control: ControlClient;
  readonly miner: TreasuryMiner;
  readonly #node: ChildRole;
  readonly #postgres: KeptPostgres;

  private constructor(
    folder: string,
    treasury: string,
    parts: { node: ChildRole; postgres: KeptPostgres; control: ControlClient; miner: TreasuryMiner },
  ) {
    this.folder = folder;
    this.treasury = treasury;
    this.configFile = join(folder, 'sluice.yaml');
    this.keyFile = join(folder, 'payout-key');
    this.#node = parts.node;
    this.#postgres = parts.postgres;
    this.control = parts.control;
    this.miner = parts.miner;
    this.sql = openDatabase(parts.postgres.first.url, { applicationName: 'sluice test', max: 2 });
  }

  static async open(): Promise<MoneyRig> {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-money-'));
    // When root runs the tests, the database's account must be able to enter.
    chmodSync(folder, 0o711);
    const treasury = addressOf(KEY);
    const [node, postgres] = await Promise.all([
      startNode(folder),
      keepPostgres(join(folder, 'pg'), silentLogger),
    ]);
    const control = await ControlClient.connect(String(node.info.controlAddress));
    const miner = await TreasuryMiner.connect(String(node.info.address), NETWORK);
    const rig = new MoneyRig(folder, treasury, { node, postgres, control, miner });
    await migrate(rig.sql, { log: silentLogger });
    writeFileSync(rig.keyFile, `${KEY}\n`, { mode: 0o600 });
    rig.#writeConfig();
    return rig;
  }

  startPayer(armed?: CrashPoint): PayerProcess {
    return new PayerProcess(this.configFile, join(this.folder, 'payer.log'), armed);
  }

  /** Blocks of other miners, at once. */
  async deepen(blocks: number): Promise<void> {
    await this.control.send('mine', { value: blocks });
  }

  /** So that there is something of the pool's own in the treasury, out of which a loss can be booked. */
  async depositFromElsewhere(): Promise<void> {
    const file = join(this.folder, 'other-key');
    writeFileSync(file, `${OTHER_KEY}\n`, { mode: 0o600 });
    const address = addressOf(OTHER_KEY);
    await this.miner.mine(address, DEPOSIT_BLOCKS);
    await this.deepen(2 * MATURITY_DAA);
    const utxos = (await this.miner.link.utxosOf([address])).map((utxo) => ({
      ...{ txid: utxo.transactionId, index: utxo.index, amountSompi: utxo.amountSompi },
    }));
    const sum = utxos.reduce((all, { amountSompi }) => all + amountSompi, 0n);
    const key = TreasuryKey.read(file, address, NETWORK, undefined);
    const outputs = [{ address: this.treasury, amountSompi: sum - DEPOSIT_FEE_SOMPI }];
    await this.miner.link.submitTransaction(key.sign({ inputs: utxos, outputs }).bytes);
    await pollUntil(
      'the deposit is in the books',
      async () => {
        await this.deepen(5);
        const rows = await this.sql`SELECT FROM treasury_outputs WHERE origin = 'deposit'`;
        return rows.length > 0;
      },
      DATABASE_LIMIT_MS,
    );
  }

  /** By a person: another wallet took that output. What it sent back comes in as a deposit by itself. */
  async withdraw(outpoint: string, by: string, amountSompi: bigint): Promise<void> {
    const [leader] = await this.sql<{ epoch: bigint }[]>`SELECT epoch FROM leaders WHERE role = 'payer'`;
    await post(this.sql, leader!.epoch, {
      ...{ key: `withdraw:${by}`, kind: 'withdraw', detail: { outpoint, by } },
      entries: [
        { kind: 'treasury', sompi: amountSompi },
        { kind: 'deposits', sompi: -amountSompi },
      ],
    });
    const [txid, index] = outpoint.split(':');
    await this.sql`
      UPDATE treasury_outputs SET spent_by = ${by} WHERE txid = ${txid!} AND output_index = ${Number(index)}`;
  }

  /** The whole server; undefined while it is down. */
  postmasterPid(): number | undefined {
    try {
      const file = join(this.#postgres.first.dataDir, 'postmaster.pid');
      return Number(readFileSync(file, 'utf8').split('\n')[0]);
    } catch {
      return undefined;
    }
  }

  async payerBackends(): Promise<number[]> {
    const rows = await this.sql<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE application_name = 'sluice payer'`;
    return rows.map(({ pid }) => pid);
  }

  /** Until it answers again, and goes on to: right after a kill, connections of the old server may still answer. */
  async databaseAnswers(): Promise<void> {
    let answers = 0;
    await pollUntil(
      'PostgreSQL answers',
      async () => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        const isThere = await this.sql`SELECT 1`.then(
          () => true,
          () => false,
        );
        answers = isThere ? answers + 1 : 0;
        return answers >= ANSWERS_IN_A_ROW;
      },
      DATABASE_LIMIT_MS,
    );
  }

  /** @param keepFolder for somebody who wants to see what went wrong. */
  async close(keepFolder: boolean): Promise<void> {
    this.miner.close();
    this.control.close();
    await this.#node.stop();
    await this.sql.end({ timeout: 1 });
    await this.#postgres.stop();
    if (!keepFolder) rmSync(this.folder, { recursive: true, force: true });
  }

  #writeConfig(): void {
    const config = {
      kaspa: {
        network: NETWORK,
        payAddress: this.treasury,
        nodes: [{ name: 'simulated', address: this.#node.info.address }],
      },
      stratum: { ports: [{ port: 5555, difficulty: 1 }] },
      database: { url: this.#postgres.first.url },
      journal: { directory: join(this.folder, 'journal') },
      rewards: { maturityDaa: MATURITY_DAA },
      payouts: {
        keyFile: this.keyFile,
        stateDirectory: join(this.folder, 'payer'),
        minimumKas: '10',
        // Rounds are asked for: an interval would plan them in between as well.
        intervalMinutes: 10_080,
        confirmDaa: CONFIRM_DAA,
        consolidateAbove: CONSOLIDATE_ABOVE,
        auditSeconds: 1,
      },
    };
    writeFileSync(this.configFile, stringify(config), { mode: 0o600 });
  }
}

function addressOf(key: string): string {
  const sdk = createRequire(import.meta.url)('kaspa-wasm') as Sdk;
  return new sdk.PrivateKey(key).toKeypair().toAddress(NETWORK).toString();
}

function startNode(folder: string): Promise<ChildRole> {
  return startChildRole({
    name: 'simulated node',
    args: [
      'simnode',
      ...['--listen', '127.0.0.1:0', '--network', NETWORK, '--difficulty-log2', '-28', '--red-rate', '0'],
      ...['--blocks-per-second', String(BLOCKS_PER_SECOND), '--maturity', String(MATURITY_DAA)],
      ...['--subsidy', String(SUBSIDY_SOMPI)],
    ],
    logFile: join(folder, 'simnode.log'),
  });
}
