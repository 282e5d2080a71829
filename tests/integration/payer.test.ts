import { chmodSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeAddress } from '../../src/chains/kaspa/address.ts';
import { PostgresPayoutStore } from '../../src/payout/stores/postgres-payout-store.ts';
import { documentedMetrics } from '../kit/monitoring-files.ts';
import { PayerStage, payeeAddress, STAGE_KAS, STAGE_TREASURY } from '../kit/payer-stage.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const KAS = STAGE_KAS;
const SIMNET_ADDRESS = encodeAddress({ prefix: 'kaspasim', version: 0, payload: new Uint8Array(32).fill(7) });
const [ANNA, BEN, CARA] = [payeeAddress(1), payeeAddress(2), payeeAddress(3)];

let databases: TestDatabase;
let stage: PayerStage;
beforeAll(async () => {
  databases = await withTestDatabase();
}, 60_000);
afterAll(async () => {
  await databases?.stop();
});
beforeEach(async () => {
  stage = await PayerStage.open(databases);
});
afterEach(async () => {
  await stage.close();
});

const confirmed = (count: number) =>
  pollUntil(
    `${count} payouts are confirmed`,
    async () => (await stage.states()).filter((state) => state === 'CONFIRMED').length === count,
    30_000,
  );

/** Sums of the ledger against what lies on the chain. */
async function expectBooksEqualChain(): Promise<void> {
  const { sql } = stage.database;
  const [row] = await sql<{ total: bigint; unspent: bigint }[]>`
    SELECT (SELECT sum(balance_sompi) FROM ledger_accounts)::bigint AS total,
           (SELECT coalesce(sum(amount_sompi), 0) FROM treasury_outputs WHERE spent_by IS NULL)::bigint AS unspent`;
  expect(row!.total).toBe(0n);
  expect(await stage.balance('treasury')).toBe(-row!.unspent);
  expect(await stage.balance('treasury')).toBe(-(await stage.paidTo(STAGE_TREASURY)));
}

describe('sluice payer', () => {
  it('pays who is due, in one transaction, and the books agree with the chain', async () => {
    await stage.fund(3);
    await stage.credit(ANNA, 120n * KAS);
    await stage.credit(BEN, 700n * KAS + 7n);
    await stage.credit(CARA, 9n * KAS);
    const preview = await stage.verb('payout', 'plan');
    expect(preview.stdout).toMatch(/^2 accounts would be paid 820\.00000007 KAS in 1 transactions/);
    const dry = await stage.verb('payout', 'run', '--dry-run', '--json');
    const txid = (JSON.parse(dry.stdout) as { signed: string[] }).signed[0];
    expect(await stage.states()).toEqual([]);
    const payer = await stage.startPayer();
    await confirmed(1);
    const { sql } = stage.database;
    const [payout] = await sql<{ txid: string; fee_sompi: bigint }[]>`SELECT txid, fee_sompi FROM payouts`;
    // Nothing has changed since the dry run, so the transaction is the same.
    expect(payout!.txid).toBe(txid);
    const paid = (await stage.paidTo(ANNA)) + (await stage.paidTo(BEN));
    expect(paid).toBe(820n * KAS + 7n - payout!.fee_sompi);
    expect(await stage.paidTo(CARA)).toBe(0n);
    expect(await stage.balance('miner')).toBe(9n * KAS);
    await expectBooksEqualChain();
    const status = await stage.verb('payout', 'status');
    expect(status.stdout).toMatch(/^not halted\npayer: .*\ntold \d+ s ago; has the key/);
    expect(status.stdout).toContain(`CONFIRMED   payment, 2 payees`);
    await pollUntil('the figures say so', () =>
      stage.figures().includes('sluice_payer_steps_total{state="CONFIRMED"} 1'),
    );
    expect(stage.figures()).toMatch(/^sluice_payer_halts 0$/m);
    const named = [...stage.figures().matchAll(/^# TYPE (\w+) /gm)].map((match) => match[1]!);
    const documented = [...documentedMetrics('payer').keys()].sort();
    expect([...new Set(named)].sort()).toEqual(documented);
    payer.process.kill('SIGUSR1');
    expect(await payer.stop()).toBe(0);
    expect(stage.log()).not.toMatch(/debugger/i);
    expect(stage.log()).not.toContain('b7e15162');
  }, 60_000);

  it('pays once when two of them start at once, and the second goes on when the first is killed', async () => {
    await stage.fund(3);
    await stage.credit(ANNA, 120n * KAS);
    const first = await stage.startPayer();
    stage.spawnPayer();
    await confirmed(1);
    await pollUntil(
      'the second waits',
      () => stage.log('payer-2.log').includes('another payer has the lead'),
      20_000,
    );
    expect(await stage.states()).toEqual(['CONFIRMED']);
    first.process.kill('SIGKILL');
    await first.exited;
    await pollUntil('the second leads', () => stage.log('payer-2.log').includes('this payer leads'), 20_000);
    expect(await stage.states()).toEqual(['CONFIRMED']);
    await expectBooksEqualChain();
  }, 90_000);

  it('pays once through a node that swallows answers and then goes away', async () => {
    await stage.fund(3);
    await stage.credit(ANNA, 120n * KAS);
    await stage.startPayer();
    await pollUntil('it is sent', async () => (await stage.states())[0] === 'BROADCAST', 20_000);
    stage.simnode.command('stall', { value: 'on' });
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    stage.simnode.command('stall', { value: 'off' });
    stage.simnode.command('offline', { value: 'on' });
    await new Promise((resolve) => setTimeout(resolve, 500));
    stage.simnode.command('offline', { value: 'off' });
    await confirmed(1);
    expect(await stage.states()).toEqual(['CONFIRMED']);
    await pollUntil('the link is up', () => stage.link.connected, 10_000);
    await expectBooksEqualChain();
  }, 90_000);

  it('keeps the terms that a SIGHUP brought when it loses the lead', async () => {
    const payer = await stage.startPayer();
    const { sql } = stage.database;
    const policies = async () =>
      (
        await sql`SELECT FROM policies WHERE terms ->> 'scheme' = 'solo' AND terms ->> 'feeBasisPoints' = '700'`
      ).length;
    stage.configure({}, {}, { solo: { feePercent: 7 } });
    payer.process.kill('SIGHUP');
    await pollUntil('the new terms are noted', async () => (await policies()) === 1, 20_000);
    const leaders = async () => (await sql<{ epoch: bigint }[]>`SELECT epoch FROM leaders`)[0]!.epoch;
    const before = await leaders();
    await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice payer'`;
    await pollUntil('it leads again', async () => (await leaders()) > before, 20_000);
    const settled = async () => (await sql`SELECT FROM payer_status WHERE leader_epoch > ${before}`).length;
    await pollUntil('it has gone round its duties', async () => (await settled()) === 1, 20_000);
    const [last] = await sql`
      SELECT terms ->> 'feeBasisPoints' AS fee FROM policies WHERE terms ->> 'scheme' = 'solo' ORDER BY id DESC LIMIT 1`;
    expect(last!.fee).toBe('700');
  }, 90_000);

  it('halts by a word within a second, keeps what it had to itself, and goes on by another', async () => {
    await stage.fund(3);
    await stage.startPayer();
    expect((await stage.verb('payout', 'halt', 'a test')).code).toBe(0);
    await stage.credit(ANNA, 120n * KAS);
    expect((await stage.verb('payout', 'run')).stdout).toBe('nothing planned: halted\n');
    expect((await stage.verb('payout', 'status')).stdout).toMatch(/^HALTED {2}OPERATOR: a test/);
    expect(await stage.states()).toEqual([]);
    expect((await stage.verb('payout', 'resume')).stdout).toBe('cleared OPERATOR: a test\n');
    await confirmed(1);
  }, 90_000);

  it('keeps the books without a key, and cancels for a person what was never sent', async () => {
    await stage.fund(1);
    const account = await stage.credit(ANNA, 120n * KAS);
    await stage.leading(async (lead) => {
      const store = new PostgresPayoutStore(lead);
      const [input] = await store.spendableOutputs();
      await store.createPlan({
        kind: 'payment',
        feeFrom: 'payees',
        treasuryAddress: STAGE_TREASURY,
        inputs: [{ txid: input!.txid, index: input!.index, amountSompi: input!.amountSompi }],
        payees: [
          {
            accountId: account,
            address: ANNA,
            reservedSompi: 120n * KAS,
            feeSompi: KAS,
            outputSompi: 119n * KAS,
          },
        ],
        changeSompi: input!.amountSompi - 120n * KAS,
        feeSompi: KAS,
        massGrams: 2_036n,
      });
    });
    stage.configure({ keyFile: undefined });
    await stage.startPayer();
    expect((await stage.verb('payout', 'cancel', '7')).stderr).toContain('SLUICE_PAYOUT_UNKNOWN');
    const cancelled = await stage.verb('payout', 'cancel', '1', '--reason', 'wrong');
    expect(cancelled).toMatchObject({
      code: 0,
      stdout: 'payout 1 is cancelled; its payees have their balances back\n',
    });
    expect(await stage.states()).toEqual(['CANCELLED']);
    expect(await stage.balance('miner')).toBe(120n * KAS);
  }, 60_000);
});

describe('sluice payer refuses to start', () => {
  const refusal = async (): Promise<{ code: number; text: string }> => {
    const { code, stderr, stdout } = await stage.verb('payer');
    return { code, text: `${stdout}${stderr}` };
  };

  it("with a key that is not the treasury's, that others can read, or that stands in the environment", async () => {
    writeFileSync(stage.keyFile, '03'.padStart(64, '0'));
    expect(await refusal()).toMatchObject({
      code: 2,
      text: expect.stringMatching(/belongs to kaspadev:.*SLUICE_KEY_ADDRESS/s),
    });
    chmodSync(stage.keyFile, 0o644);
    expect(await refusal()).toMatchObject({
      code: 2,
      text: expect.stringMatching(/others may read .*: its mode is 644\n {2}chmod 600 .*SLUICE_KEY_FILE/s),
    });
    process.env.SLUICE_PAYOUT_KEY = 'x';
    try {
      expect(await refusal()).toMatchObject({
        code: 2,
        text: expect.stringContaining('SLUICE_KEY_ENVIRONMENT'),
      });
    } finally {
      delete process.env.SLUICE_PAYOUT_KEY;
    }
  }, 60_000);

  it('when all nodes are of another network', async () => {
    stage.configure({ keyFile: undefined }, { network: 'simnet', payAddress: SIMNET_ADDRESS });
    expect(await refusal()).toMatchObject({ code: 1, text: expect.stringContaining('SLUICE_NODE_NETWORK') });
  }, 60_000);

  it('on an older database than it has written to, by its note and by the chain', async () => {
    await stage.fund(2);
    await stage.credit(ANNA, 120n * KAS);
    const { sql } = stage.database;
    const [before] = await sql`SELECT * FROM ledger_head`;
    const payer = await stage.startPayer();
    await confirmed(1);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await payer.stop();
    // What a restore of last night's dump would leave: the payment never was, its input is unspent.
    await sql`UPDATE treasury_outputs SET spent_by = NULL`;
    await sql`UPDATE payout_inputs SET live = false`;
    expect(await refusal()).toMatchObject({
      code: 1,
      text: expect.stringMatching(
        /outputs that the ledger holds for unspent are not on the chain.*SLUICE_LEDGER_BEHIND/s,
      ),
    });
    await sql`UPDATE ledger_head SET transaction_id = ${before!.transaction_id}, hash = ${before!.hash}`;
    expect(await refusal()).toMatchObject({
      code: 1,
      text: expect.stringMatching(/the ledger ends at transaction \d+.*SLUICE_LEDGER_BEHIND/s),
    });
    expect((await stage.verb('payout', 'run')).stderr).toContain('SLUICE_LEDGER_BEHIND');
  }, 90_000);
});

describe('two payers of two epochs', () => {
  it('a write of the one that slept is refused by the database', async () => {
    await stage.fund(1);
    const slept = await stage.takeLead();
    // As if the lock had been lost without the connection.
    await stage.database.sql`SELECT take_lead('payer', 'somebody else')`;
    await expect(
      new PostgresPayoutStore(slept).signed(1n, { txid: 'aa'.repeat(32), bytes: Buffer.of(1) }),
    ).rejects.toMatchObject({ code: 'SL001' });
    slept.close();
  });
});
