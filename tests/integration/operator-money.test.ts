import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BooksDesk } from '../../src/app/operator-books.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { openDatabase } from '../../src/ledger/stores/postgres.ts';
import { PayerStage, payeeAddress, STAGE_KAS } from '../kit/payer-stage.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { superuserUrl, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const KAS = STAGE_KAS;
const WHO = 'operator (token, unix socket)';

let databases: TestDatabase;
let stage: PayerStage;
let desk: BooksDesk;
beforeAll(async () => {
  databases = await withTestDatabase();
  stage = await PayerStage.open(databases);
  desk = new BooksDesk(stage.database.url);
}, 60_000);
afterAll(async () => {
  await desk?.close();
  await stage?.close();
  await databases?.stop();
});

const confirmed = (count: number) =>
  pollUntil(
    `${count} payouts are confirmed`,
    async () => (await stage.states()).filter((state) => state === 'CONFIRMED').length === count,
    30_000,
  );

/** The payer has looked at its payouts again since then. */
async function payerLooks(times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    const sinceMs = Date.now();
    await pollUntil(
      'the payer looks at its payouts',
      async () => {
        const [row] = await stage.database.sql<{ at: string }[]>`
          SELECT duty->>'lastOkUnixMs' AS at FROM payer_status, jsonb_array_elements(status->'duties') AS duty
          WHERE duty->>'name' = 'payouts'`;
        return Number(row?.at) > sinceMs;
      },
      30_000,
    );
  }
}

describe("the console's payouts", () => {
  it('halts a running payer, and lets it go on', async () => {
    await stage.fund(3);
    await stage.credit(payeeAddress(1), 120n * KAS);
    expect((await desk.runRound(WHO)).outcome).toMatch(/^not done: no payer runs/);
    await stage.startPayer();
    await confirmed(1);
    expect((await desk.halt('a drill', WHO)).outcome).toMatch(/^payouts are halted: a drill/);
    expect((await desk.halt('another', WHO)).outcome).toBe('payouts were halted already: a drill');
    await stage.credit(payeeAddress(2), 700n * KAS);
    expect((await desk.runRound(WHO)).outcome).toMatch(/^not done: payouts are halted \(OPERATOR\)/);
    await payerLooks(4);
    expect(await stage.states()).toEqual(['CONFIRMED']);
    const halted = await desk.read();
    expect(halted).toMatchObject({ fault: '', halts: [{ code: 'OPERATOR', reason: 'a drill' }] });
    expect(halted.totals.owedSompi).toBe(String(700n * KAS));
    expect((await desk.resume(WHO)).outcome).toBe('payouts go on; cleared: OPERATOR (a drill)');
    await confirmed(2);
    expect((await desk.resume(WHO)).outcome).toBe('nothing was halted');
    await stage.credit(payeeAddress(1), 90n * KAS);
    const { done, outcome } = await desk.runRound(WHO);
    expect([done, outcome]).toEqual([true, expect.stringMatching(/\S/)]);
    await confirmed(3);
    const [row] = await stage.database.sql<{ raised_by: string; cleared_by: string }[]>`
      SELECT raised_by, cleared_by FROM halts`;
    expect(row).toEqual({ raised_by: WHO, cleared_by: WHO });
  }, 120_000);

  it('may do what its role may, and says what it lacks', async () => {
    const admin = openDatabase(superuserUrl(stage.database.url), { applicationName: 'sluice tests', max: 1 });
    await admin.unsafe(readFileSync(projectPath('deploy', 'roles.sql'), 'utf8')).simple();
    const as = async (role: string): Promise<BooksDesk> => {
      await admin.unsafe(`CREATE ROLE test_${role} LOGIN PASSWORD 'x' IN ROLE ${role}`);
      const url = new URL(stage.database.url);
      url.username = `test_${role}`;
      url.password = 'x';
      return new BooksDesk(url.href);
    };
    const [engine, operator] = [await as('sluice_engine'), await as('sluice_operator')];
    try {
      expect((await engine.halt('by the engine', WHO)).done).toBe(true);
      await expect(engine.resume(WHO)).rejects.toMatchObject({ code: 'SLUICE_OPERATOR_ROLE' });
      expect((await operator.read()).halts).toHaveLength(1);
      expect((await operator.resume(WHO)).outcome).toMatch(/^payouts go on/);
      expect((await operator.runRound(WHO)).done).toBe(true);
    } finally {
      await Promise.all([engine.close(), operator.close()]);
      for (const role of ['sluice_engine', 'sluice_operator']) await admin.unsafe(`DROP ROLE test_${role}`);
      await admin.end({ timeout: 1 });
    }
  }, 60_000);

  it('keeps what it knew while the database is away, and says so', async () => {
    const known = new BooksDesk('postgres://nobody@127.0.0.1:9/none');
    const books = await known.read();
    expect(books.readAt).toBeNull();
    expect(books.fault).not.toBe('');
    await known.close();
  });
});
