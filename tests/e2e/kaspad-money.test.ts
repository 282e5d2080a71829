/** One coin's whole way on a real node: mined at our stratum port, mature, divided, planned, signed, accepted, confirmed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type ChildRole, startChildRole } from '../../src/app/child-role.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { startEmbeddedPostgres } from '../../src/ledger/embedded-postgres.ts';
import { openDatabase } from '../../src/ledger/stores/postgres.ts';
import { demoAddresses, runMiner } from '../../src/miner/miner.ts';
import { KASPAD_MISSING, KASPAD_VERSION, startKaspad } from '../kit/kaspad-process.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { TreasuryMiner } from '../kit/treasury-miner.ts';

/** Of kaspad 0.15's devnet. */
const MATURITY_DAA = 100;
const CONFIRM_DAA = 20;
const KEY = 'b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef';
const [PAYEE, SOMEBODY_ELSE] = demoAddresses('devnet', 2) as [string, string];
/** Blocks that are ground between two looks. */
const BLOCKS_AT_ONCE = 5;
const LIMIT_MS = 300_000;

interface Sdk {
  readonly PrivateKey: new (
    hex: string,
  ) => { toKeypair(): { toAddress(network: string): { toString(): string } } };
}

describe.skipIf(KASPAD_VERSION === '')(`money on a real kaspad${KASPAD_MISSING}`, () => {
  it('goes from a block of our stratum port to a payment that the node confirms', {
    timeout: 900_000,
  }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-money-real-'));
    const sdk = createRequire(import.meta.url)('kaspa-wasm') as Sdk;
    const treasury = new sdk.PrivateKey(KEY).toKeypair().toAddress('devnet').toString();
    const keyFile = join(folder, 'payout-key');
    writeFileSync(keyFile, `${KEY}\n`, { mode: 0o600 });
    const node = await startKaspad();
    const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'pg'), log: silentLogger });
    const sql = openDatabase(postgres.url, { applicationName: 'sluice test', max: 1 });
    const grinder = await TreasuryMiner.connect(node.address, 'devnet');
    const config = join(folder, 'sluice.yaml');
    const settings = {
      instance: 'real-money',
      kaspa: {
        network: 'devnet',
        payAddress: treasury,
        allowUnsynced: true,
        nodes: [{ name: 'real', address: node.address }],
      },
      stratum: { host: '127.0.0.1', ports: [{ port: 0, difficulty: 2 ** -14, scheme: 'solo' }] },
      database: { url: postgres.url },
      journal: { directory: join(folder, 'journal') },
      http: { port: 0 },
      rewards: { maturityDaa: MATURITY_DAA },
      payouts: {
        keyFile,
        stateDirectory: join(folder, 'payer'),
        intervalMinutes: 0.05,
        confirmDaa: CONFIRM_DAA,
      },
    };
    writeFileSync(config, stringify(settings), { mode: 0o600 });
    const start = (name: string, verb: string): Promise<ChildRole> =>
      startChildRole({ name, args: [verb, '--config', config], logFile: join(folder, `${verb}.log`) });
    const roles: ChildRole[] = [];
    /** The chain moves by what is ground here. */
    const untilRow = async <Row extends object>(
      what: string,
      look: () => PromiseLike<readonly Row[]>,
    ): Promise<Row> =>
      pollUntil(
        what,
        async () => {
          const [row] = await look();
          if (!row) await grinder.mine(SOMEBODY_ELSE, BLOCKS_AT_ONCE);
          return row;
        },
        LIMIT_MS,
      );
    try {
      const engine = await start('engine', 'serve');
      roles.push(engine);
      const [port] = engine.info.stratumPorts as number[];
      const miner = await runMiner({
        port: port!,
        network: 'devnet',
        connections: 1,
        addresses: [PAYEE],
        hashesPerSecond: 300_000,
      });
      await pollUntil(
        'a block was found and accepted',
        async () => (await sql`SELECT FROM blocks WHERE state IN ('accepted', 'blue')`).length > 0,
        LIMIT_MS,
      );
      await miner.stop();
      roles.push(await start('payer', 'payer'));
      await untilRow('the block is mature', () => sql`SELECT id FROM blocks WHERE state = 'matured'`);
      const payout = await untilRow(
        'the payout is confirmed',
        () =>
          sql<
            { txid: string; paid: bigint }[]
          >`SELECT txid, paid_sompi AS paid FROM payouts WHERE state = 'CONFIRMED'`,
      );
      // The node's own word for it.
      const outputs = (await grinder.link.utxosOf([PAYEE])).filter(
        ({ transactionId }) => transactionId === payout.txid,
      );
      expect(outputs.map(({ amountSompi }) => amountSompi)).toEqual([payout.paid]);
      expect(await sql`SELECT code FROM halts WHERE cleared_at IS NULL`).toHaveLength(0);
      const [books] = await sql<
        { total: bigint }[]
      >`SELECT sum(balance_sompi)::bigint AS total FROM ledger_accounts`;
      expect(books!.total).toBe(0n);
    } finally {
      for (const role of roles.reverse()) await role.stop();
      grinder.close();
      await sql.end({ timeout: 1 });
      await postgres.stop();
      await node.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
