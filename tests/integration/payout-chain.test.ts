import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/load.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { Auditor } from '../../src/ledger/audit/auditor.ts';
import type { Lead } from '../../src/ledger/lead.ts';
import { obey } from '../../src/ledger/settlement/operator-orders.ts';
import { KaspaPayoutChain } from '../../src/payout/kaspa-payout-chain.ts';
import { KeySigner } from '../../src/payout/key-signer.ts';
import { checkAgainstChain, haltWhereUnproved } from '../../src/payout/ledger-head.ts';
import { cancelPayout } from '../../src/payout/never-sent.ts';
import { PayoutMachine } from '../../src/payout/payout-machine.ts';
import { payoutTermsOf } from '../../src/payout/payout-terms.ts';
import { PostgresPayoutStore } from '../../src/payout/stores/postgres-payout-store.ts';
import { PayerStage, payeeAddress, STAGE_DEPTH, STAGE_KAS, STAGE_TREASURY } from '../kit/payer-stage.ts';
import { type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const KAS = STAGE_KAS;
const ANNA = payeeAddress(1);

/** The machine on the real parts, with the chain's pace in the test's hand: no block comes by itself. */
describe('payouts on a chain', () => {
  let databases: TestDatabase;
  let stage: PayerStage;
  let lead: Lead;
  let chain: KaspaPayoutChain;
  let machine: PayoutMachine;
  let store: PostgresPayoutStore;
  let skipMs = 0;

  beforeAll(async () => {
    databases = await withTestDatabase();
  }, 60_000);
  afterAll(async () => {
    await databases?.stop();
  });
  beforeEach(async () => {
    stage = await PayerStage.open(databases, { blocksPerSecond: 0, forkRate: 0, keepBlocks: 2_100 });
    await stage.fund(4);
    await stage.credit(ANNA, 120n * KAS);
    lead = await stage.takeLead();
    chain = new KaspaPayoutChain({ links: [stage.link], treasuryAddress: STAGE_TREASURY });
    const terms = payoutTermsOf(loadConfig(stage.configFile));
    store = new PostgresPayoutStore(lead);
    const signer = new KeySigner(stage.key, terms);
    machine = new PayoutMachine({
      store,
      chain,
      signer,
      terms,
      clock: () => Date.now() + skipMs,
      log: silentLogger,
    });
  });
  afterEach(async () => {
    lead.close();
    await stage.close();
  });

  const mine = (count: number): unknown => stage.simnode.command('mine', { value: count });

  it('are found again by a database that forgot the send, and cannot be cancelled there', async () => {
    await machine.tick();
    mine(3);
    // What a server shows that failed over to a copy of a second ago.
    const { sql } = stage.database;
    await sql`ALTER TABLE payouts DISABLE TRIGGER USER`;
    await sql`UPDATE payouts SET state = 'SIGNED', chain_from = NULL, broadcast_at = NULL`;
    await sql`ALTER TABLE payouts ENABLE TRIGGER USER`;
    await expect(cancelPayout({ store, chain }, 1n, 'it hangs')).rejects.toMatchObject({
      code: 'SLUICE_PAYOUT_SENT',
    });
    await machine.tick();
    expect(await stage.states()).toEqual(['ACCEPTED']);
    mine(STAGE_DEPTH);
    await machine.tick();
    expect(await stage.states()).toEqual(['CONFIRMED']);
    expect(await store.openHalts()).toEqual([]);
  });

  it('are not made again by an older ledger that misses nothing, when no note tells of the newer one', async () => {
    const { sql } = stage.database;
    await haltWhereUnproved(lead.sql, store, chain);
    expect(await store.openHalts()).toEqual([]);
    // The payout spends what matured after the backup, so the older ledger has never heard of input, payout and change.
    await stage.fund(1);
    const [newest] = await sql<{ txid: string; index: number; amountSompi: bigint }[]>`
      DELETE FROM treasury_outputs WHERE txid = (SELECT txid FROM treasury_outputs ORDER BY daa_score DESC LIMIT 1)
      RETURNING txid, output_index AS index, amount_sompi AS "amountSompi"`;
    const { plans } = await machine.plan();
    const plan = { ...plans[0]!, inputs: [newest!] };
    const signer = new KeySigner(stage.key, payoutTermsOf(loadConfig(stage.configFile)));
    expect((await chain.send((await signer.sign(plan)).bytes)).outcome).toBe('taken');
    mine(STAGE_DEPTH);
    expect(await checkAgainstChain(store, chain)).toBe('equal');
    await haltWhereUnproved(lead.sql, store, chain);
    expect(await store.openHalts()).toEqual([expect.objectContaining({ code: 'LEDGER_UNPROVED' })]);
    expect(await machine.tick(true)).toMatchObject({ planned: [], waits: 'halted' });
  });

  it('are accepted by a chain block, and confirmed when it lies deep enough', async () => {
    await machine.tick();
    expect(await stage.states()).toEqual(['BROADCAST']);
    expect((await store.live())[0]!.chainFrom).toBe(await chain.sinkHash());
    mine(2);
    await machine.tick();
    expect(await stage.states()).toEqual(['ACCEPTED']);
    mine(STAGE_DEPTH - 2);
    await machine.tick();
    expect(await stage.states()).toEqual(['ACCEPTED']);
    mine(3);
    await machine.tick();
    expect(await stage.states()).toEqual(['CONFIRMED']);
    expect(await store.openHalts()).toEqual([]);
    expect(await store.spendableOutputs()).toContainEqual(
      expect.objectContaining({ index: 1, isCoinbase: false }),
    );
  }, 30_000);

  it('go back and forth with a reorganisation, with the same bytes', async () => {
    await machine.tick();
    mine(4);
    await machine.tick();
    const before = (await store.live())[0]!;
    expect(before.state).toBe('ACCEPTED');
    stage.simnode.command('reorg', { value: 4, red: false });
    await machine.tick();
    mine(STAGE_DEPTH + 5);
    skipMs += 60_000;
    for (let i = 0; i < 4; i++) {
      await machine.tick();
      mine(STAGE_DEPTH);
    }
    expect(await stage.states()).toEqual(['CONFIRMED']);
    const steps = await stage.database.sql<{ to_state: string; reason: string }[]>`
      SELECT to_state, reason FROM payout_steps ORDER BY id`;
    expect(steps.map((step) => step.to_state)).toEqual([
      'PLANNED',
      'SIGNED',
      'BROADCAST',
      'ACCEPTED',
      'BROADCAST',
      'ACCEPTED',
      'CONFIRMED',
    ]);
    expect(steps[4]!.reason).toMatch(/^block [0-9a-f]{64} left the chain/);
    expect(await stage.paidTo(ANNA)).toBe(before.plan.payees[0]!.outputSompi);
  }, 30_000);

  it('name the transaction that was quicker, and give the amounts back when it lies deep', async () => {
    const { plans } = await machine.plan();
    const id = await store.createPlan(plans[0]!);
    const signer = new KeySigner(stage.key, payoutTermsOf(loadConfig(stage.configFile)));
    await store.signed(id, await signer.sign(plans[0]!));
    await store.broadcast(id, await chain.sinkHash());
    const { inputs } = plans[0]!;
    const given = inputs.reduce((sum, { amountSompi }) => sum + amountSompi, 0n);
    const thief = stage.key.sign({
      inputs,
      outputs: [{ address: payeeAddress(66), amountSompi: given - KAS }],
    });
    expect(await chain.send(thief.bytes)).toMatchObject({ outcome: 'taken' });
    expect((await chain.send((await store.live())[0]!.signed!.bytes)).outcome).toBe('refused');
    mine(3);
    const fate = await chain.fateOf(
      (await store.live())[0]!.signed!.txid,
      (await store.live())[0]!.chainFrom!,
      inputs,
    );
    expect(fate).toMatchObject({ kind: 'conflicted', by: thief.txid });
    await machine.tick();
    expect(await stage.states()).toEqual(['BROADCAST']);
    mine(STAGE_DEPTH);
    await machine.tick();
    expect(await stage.states()).toEqual(['CONFLICTED']);
    expect(await stage.balance('miner')).toBe(120n * KAS);
    expect(await store.openHalts()).toEqual([expect.objectContaining({ code: 'CONFLICT' })]);
    await stage.verb('payout', 'resume');
    // The ledger still counts on what the thief has: no payer starts on it until a person has written it off.
    await expect(checkAgainstChain(store, chain)).rejects.toMatchObject({ code: 'SLUICE_LEDGER_BEHIND' });
    expect(await machine.tick(true)).toMatchObject({ planned: [] });
    const funds = await store.poolFundsSompi();
    const writeOff = ({ txid, index }: { txid: string; index: number }) =>
      obey(lead, { order: 'write-off', outpoint: `${txid}:${index}`, byTxid: thief.txid }, '1');
    for (const input of inputs) await writeOff(input);
    expect(await checkAgainstChain(store, chain)).toBe('equal');
    expect(await store.poolFundsSompi()).toBe(funds - given);
    expect(await stage.balance('treasury')).toBe(-(await stage.paidTo(STAGE_TREASURY)));
    const auditor = new Auditor({
      ...{ databaseUrl: stage.database.url, chain: undefined, feeCapSompi: KAS },
      ...{ clock: Date.now, log: silentLogger, halt: async () => {} },
    });
    const broken = new Set((await auditor.full()).violations.map(({ invariant }) => invariant.name));
    for (const name of ['one-payout-per-input', 'everything-is-accounted', 'balances-are-entries'])
      expect([...broken]).not.toContain(name);
    expect((await machine.tick(true)).planned).toEqual([2n]);
    await expect(writeOff(inputs[0]!)).rejects.toMatchObject({ code: 'SLUICE_OUTPOINT' });
  }, 30_000);

  it('are known when they are sent again, before and after a block took them', async () => {
    await machine.tick();
    const { signed } = (await store.live())[0]!;
    expect(await chain.send(signed!.bytes)).toMatchObject({
      outcome: 'known',
      reason: expect.stringContaining('already in the mempool'),
    });
    mine(2);
    expect(await chain.send(signed!.bytes)).toMatchObject({
      outcome: 'known',
      reason: expect.stringContaining('already accepted'),
    });
  }, 30_000);

  it('wait while an input is not where it should be, and nothing is sent', async () => {
    const { plans } = await machine.plan();
    const { inputs } = plans[0]!;
    const given = inputs.reduce((sum, { amountSompi }) => sum + amountSompi, 0n);
    await store.createPlan(plans[0]!);
    const thief = stage.key.sign({
      inputs,
      outputs: [{ address: payeeAddress(66), amountSompi: given - KAS }],
    });
    await chain.send(thief.bytes);
    mine(3);
    const report = await machine.tick();
    expect(report.faults[0]).toMatch(/its input .* is not at the treasury's address/);
    expect(await stage.states()).toEqual(['SIGNED']);
    await store.cancel(1n, 'its input was spent by hand');
    expect(await stage.balance('miner')).toBe(120n * KAS);
  }, 30_000);

  it('are found by their change when the payer was away for so long that the node has pruned their blocks', async () => {
    await machine.tick();
    const { txid } = (await store.live())[0]!.signed!;
    mine(2);
    // More than this node keeps.
    mine(3_000);
    const first = (await store.live())[0]!;
    expect(await stage.link.chainChange(first.chainFrom!)).toBeUndefined();
    const fate = await chain.fateOf(txid, first.chainFrom!, first.plan.inputs);
    expect(fate).toMatchObject({ kind: 'accepted', block: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await machine.tick();
    expect(await stage.states()).toEqual(['CONFIRMED']);
    expect(await store.openHalts()).toEqual([]);
  }, 30_000);
});

describe('payouts through an older node', () => {
  it('go the same way, at the least feerate when it cannot estimate one', async () => {
    const databases = await withTestDatabase();
    const stage = await PayerStage.open(databases, {
      blocksPerSecond: 0,
      serverVersion: '0.14.1',
      unknownCalls: ['getFeeEstimateRequest', 'getBlockRewardInfoRequest', 'getCurrentBlockColorRequest'],
    });
    try {
      await stage.fund(2);
      await stage.credit(ANNA, 120n * KAS);
      const chain = new KaspaPayoutChain({ links: [stage.link], treasuryAddress: STAGE_TREASURY });
      expect(await chain.feerate()).toBe(100);
      const terms = payoutTermsOf(loadConfig(stage.configFile));
      await stage.leading(async (lead) => {
        const store = new PostgresPayoutStore(lead);
        const signer = new KeySigner(stage.key, terms);
        const machine = new PayoutMachine({
          store,
          chain,
          signer,
          terms,
          clock: Date.now,
          log: silentLogger,
        });
        await machine.tick();
        stage.simnode.command('mine', { value: STAGE_DEPTH + 5 });
        await machine.tick();
      });
      expect(await stage.states()).toEqual(['CONFIRMED']);
    } finally {
      await stage.close();
      await databases.stop();
    }
  }, 60_000);
});
