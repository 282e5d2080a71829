import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/kit/log.ts';
import { createRegistry, type Registry } from '../../src/kit/metrics.ts';
import { reportText } from '../../src/ledger/audit/audit-run.ts';
import type { ChainOutput, ChainWitness } from '../../src/ledger/audit/audit-view.ts';
import { Auditor, FULL_INTERVAL_MS } from '../../src/ledger/audit/auditor.ts';
import { post } from '../../src/ledger/books.ts';
import { type Database, openDatabase } from '../../src/ledger/stores/postgres.ts';
import { buildSmallLedger, KAS } from '../kit/small-ledger.ts';
import {
  type FreshDatabase,
  superuserUrl,
  type TestDatabase,
  withTestDatabase,
} from '../kit/test-database.ts';

describe('the auditor at work', () => {
  let database: TestDatabase;
  let fresh: FreshDatabase;
  let admin: Database;
  let halts: string[];
  let nowMs: number;
  let books: FreshDatabase;
  let registry: Registry;

  beforeAll(async () => {
    database = await withTestDatabase();
    books = await database.freshDatabase();
    const builder = openDatabase(superuserUrl(books.url), { applicationName: 'sluice tests', max: 1 });
    await buildSmallLedger(builder);
    await builder.end();
  });
  afterAll(() => database.stop());
  beforeEach(async () => {
    fresh = await database.copyOf(books);
    admin = openDatabase(superuserUrl(fresh.url), { applicationName: 'sluice tests', max: 1 });
    halts = [];
    nowMs = Date.now();
    registry = createRegistry();
  });
  afterEach(async () => {
    await admin.end({ timeout: 1 });
    await fresh.drop();
  });

  const auditor = (chain?: ChainWitness) =>
    new Auditor({
      databaseUrl: fresh.url,
      chain,
      feeCapSompi: KAS,
      clock: () => nowMs,
      log: silentLogger,
      halt: async (code, reason) => {
        halts.push(code);
        await admin`SELECT raise_halt(${code}, ${reason}, 'test')`;
      },
      registry,
    });

  const names = (report: Awaited<ReturnType<Auditor['full']>>) => [
    ...new Set(report.violations.map(({ invariant }) => invariant.name)),
  ];
  /** Past every trigger, as somebody with all rights would. */
  const spoil = (text: string) =>
    admin.unsafe(`BEGIN; SET LOCAL session_replication_role = replica; ${text}; COMMIT`).simple();
  const reward = async (output: number) => {
    const [lead] = await admin<{ epoch: bigint }[]>`SELECT epoch FROM leaders`;
    const txid = output.toString(16).padStart(64, '5');
    const id = await post(admin, lead!.epoch, {
      key: `reward:${txid}:0`,
      kind: 'reward',
      detail: {},
      entries: [
        { kind: 'treasury', sompi: -KAS },
        { kind: 'unsettled', sompi: KAS },
      ],
    });
    await admin`INSERT INTO treasury_outputs (txid, output_index, amount_sompi, origin, daa_score, block_id, transaction_id, leader_epoch)
      VALUES (${txid}, 0, ${KAS}, 'blue', 3000, 1, ${id}, ${lead!.epoch})`;
  };

  it('notes each run, and goes on from the last clean one', async () => {
    const one = auditor();
    expect(names(await one.full())).toEqual([]);
    await reward(1);
    const report = await one.incremental();
    expect(names(report)).toEqual([]);
    const audits = await admin`SELECT scope, through_id, violation_count FROM audits ORDER BY id`;
    const [head] = await admin<{ id: bigint }[]>`SELECT transaction_id AS id FROM ledger_head`;
    expect([...audits]).toEqual([
      { scope: 'full', through_id: head!.id - 1n, violation_count: 0 },
      { scope: 'incremental', through_id: head!.id, violation_count: 0 },
    ]);
    expect(halts).toEqual([]);
  });

  it('also begins without a full audit before it', async () => {
    expect(names(await auditor().incremental())).toEqual([]);
  });

  it.each([
    [
      'balances-are-entries',
      "UPDATE ledger_accounts SET balance_sompi = balance_sompi - 1 WHERE kind = 'treasury'",
    ],
    [
      'hash-chain-holds',
      "UPDATE ledger_transactions SET detail = '[1]' WHERE id = (SELECT max(id) FROM ledger_transactions)",
    ],
    [
      'one-reward-per-output',
      'UPDATE treasury_outputs SET amount_sompi = 7 WHERE transaction_id = (SELECT max(id) FROM ledger_transactions)',
    ],
    ['transactions-add-up', "UPDATE payouts SET fee_sompi = fee_sompi + 1 WHERE state = 'BROADCAST'"],
    [
      'steps-are-allowed',
      "DELETE FROM payout_steps WHERE payout_id = (SELECT id FROM payouts WHERE state = 'SIGNED')",
    ],
    ['guards-stand', 'ALTER TABLE payments DISABLE TRIGGER append_only'],
  ])('finds %s broken by what is new, in an incremental audit', async (name, text) => {
    const one = auditor();
    await one.full();
    await reward(1);
    await spoil(text);
    expect(names(await one.incremental())).toContain(name);
  });

  it('stops payouts, says which invariant and row, and looks at the same again until it is mended', async () => {
    const one = auditor();
    await one.full();
    await spoil("UPDATE payouts SET fee_sompi = fee_sompi + 1 WHERE state = 'BROADCAST'");
    const report = await one.incremental();
    expect(halts).toEqual(['audit:transactions-add-up']);
    const text = reportText(report);
    expect(text).toContain('13 transactions-add-up');
    expect(text).toMatch(/payout 4: inputs of \d+ sompi/);
    expect(text).toContain('What to do:');
    const [violation] = await admin`SELECT number, name, detail FROM audit_violations`;
    expect(violation).toMatchObject({ number: 13, name: 'transactions-add-up' });
    const [halt] = await admin`SELECT code, reason FROM halts WHERE cleared_at IS NULL`;
    expect(halt!.reason).toContain('payout 4');
    await expect(
      admin`UPDATE payouts SET state = 'SIGNED', txid = repeat('3', 64), signed_bytes = '1' WHERE state = 'PLANNED'`,
    ).rejects.toMatchObject({ code: 'SL006' });
    expect(names(await one.incremental())).toEqual(['transactions-add-up']);
    expect(await registry.getSingleMetricAsString('sluice_audit_violations_total')).toContain(
      'invariant="transactions-add-up"} 2',
    );
  });

  it('does not stop payouts for a share that is in the table twice, and tells it', async () => {
    const one = auditor();
    await spoil('INSERT INTO shares SELECT * FROM shares ORDER BY nonce LIMIT 1');
    expect(names(await one.full())).toEqual(['shares-count-once', 'sums-match-shares']);
    expect(halts).toEqual([]);
  });

  it('by itself makes a full audit a day, and incremental ones in between', async () => {
    const one = auditor();
    await one.tick();
    nowMs += 10_000;
    await one.tick();
    nowMs += FULL_INTERVAL_MS;
    await one.tick();
    const scopes = await admin<{ scope: string }[]>`SELECT scope FROM audits ORDER BY id`;
    expect(scopes.map(({ scope }) => scope)).toEqual(['full', 'incremental', 'full']);
    nowMs += 5_000;
    expect(await registry.getSingleMetricAsString('sluice_audit_full_age_seconds')).toMatch(/ 5$/m);
  });

  it('takes a question that fails for a fault, not for an answer', async () => {
    await spoil('ALTER TABLE payout_steps RENAME COLUMN from_state TO came_from');
    const report = await auditor().full();
    expect(names(report)).toContain('steps-are-allowed');
    expect(report.violations.find(({ invariant }) => invariant.number === 17)!.detail).toContain(
      'cannot be checked',
    );
  });

  it('survives a database that is away', async () => {
    const away = new Auditor({
      databaseUrl: 'postgres://sluice:x@127.0.0.1:9/none',
      chain: undefined,
      feeCapSompi: undefined,
      clock: () => nowMs,
      log: silentLogger,
      halt: async (code) => {
        halts.push(code);
      },
    });
    await expect(away.tick()).resolves.toBeUndefined();
    await expect(away.full()).rejects.toThrow();
    expect(halts).toEqual([]);
  });

  describe('with a chain to ask', () => {
    /** What the chain shows where all is well: change of what is under way, and inputs of it either way. */
    const shown = async (): Promise<ChainOutput[]> => {
      const rows = await admin<{ txid: string; index: number; amount: bigint }[]>`
        SELECT txid, output_index AS index, amount_sompi AS amount FROM treasury_outputs o WHERE spent_by IS NULL AND NOT EXISTS (
          SELECT FROM payout_inputs i JOIN payouts p ON p.id = i.payout_id
          WHERE (i.txid, i.output_index) = (o.txid, o.output_index) AND p.state = 'ACCEPTED')
        UNION ALL SELECT txid, 2, change_sompi FROM payouts WHERE state = 'ACCEPTED'`;
      return rows.map(({ txid, index, amount }) => ({ txid, index, amountSompi: amount, daaScore: 5_000n }));
    };
    const witness = (outputs: readonly ChainOutput[], onChain: boolean | 'unknown' = true): ChainWitness => ({
      outputs: async () => ({ outputs, bookedBelowDaa: 6_000n }),
      isOnChain: async () => (onChain === 'unknown' ? undefined : onChain),
    });

    it('agrees with it', async () => {
      expect(names(await auditor(witness(await shown())).full())).toEqual([]);
    });

    it('does not mistake what no node remembers for what is not there', async () => {
      expect(names(await auditor(witness(await shown(), 'unknown')).full())).toEqual([]);
    });

    it.each<[string, (outputs: ChainOutput[]) => ChainOutput[], string]>([
      [
        'an output was spent past us',
        (outputs) => outputs.filter(({ txid }) => !txid.endsWith('d')),
        'spent elsewhere',
      ],
      [
        'an output has another amount',
        ([first, ...rest]) => [{ ...first!, amountSompi: 1n }, ...rest],
        '1 on the chain',
      ],
      [
        'something lies there that was never booked',
        (outputs) => [...outputs, { txid: '9'.repeat(64), index: 0, amountSompi: KAS, daaScore: 1n }],
        'not in the books',
      ],
      [
        'what we spent is still there',
        (outputs) => [
          ...outputs,
          { txid: '1'.padStart(64, '0'), index: 0, amountSompi: 5n * KAS, daaScore: 1n },
        ],
        'unspent',
      ],
    ])('says so when %s', async (_, change, words) => {
      const report = await auditor(witness(change(await shown()))).full();
      expect(names(report)).toEqual(['treasury-is-on-chain']);
      expect(report.violations[0]!.detail).toContain(words);
      expect(halts).toEqual(['audit:treasury-is-on-chain']);
    });

    it('takes a node that does not answer for no finding, and for no clean audit either', async () => {
      const gone = Object.assign(new Error('no answer within 3000 ms'), { code: 'SLUICE_NODE_TIMEOUT' });
      const silent = { ...witness(await shown()), isOnChain: () => Promise.reject(gone) };
      const one = auditor(silent);
      await expect(one.full()).rejects.toMatchObject({ code: 'SLUICE_NO_NODE' });
      expect(halts).toEqual([]);
      expect(await admin`SELECT FROM audits`).toHaveLength(0);
      await spoil("UPDATE payouts SET fee_sompi = fee_sompi + 1 WHERE state = 'BROADCAST'");
      expect(names(await one.full())).toContain('transactions-add-up');
    });

    it('leaves alone what only just came in', async () => {
      const young = { txid: '9'.repeat(64), index: 0, amountSompi: KAS, daaScore: 6_000n };
      expect(names(await auditor(witness([...(await shown()), young])).full())).toEqual([]);
    });

    it('says so when a confirmed payment is not on it', async () => {
      expect(names(await auditor(witness(await shown(), false)).full())).toEqual(['confirmed-is-on-chain']);
    });
  });
});
