/** Signed settings against a real database: who may change what, and that nothing old comes back. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { applySignedSettings, type SettingsOutcome } from '../../src/ledger/account-settings.ts';
import type { Database } from '../../src/ledger/stores/postgres.ts';
import { keyOf, POOL_TERMS, signedSettings } from '../kit/signed-settings.ts';
import { type FreshDatabase, type TestDatabase, withTestDatabase } from '../kit/test-database.ts';

const NOW = Date.UTC(2026, 10, 30, 9);
const ALICE = keyOf(0xa11ce);
const BOB = keyOf(0xb0b);

let database: TestDatabase;
let fresh: FreshDatabase;
let sql: Database;

beforeAll(async () => {
  database = await withTestDatabase();
}, 60_000);
afterAll(() => database?.stop());
beforeEach(async () => {
  await fresh?.drop();
  fresh = await database.freshDatabase();
  ({ sql } = fresh);
  for (const key of [ALICE, BOB])
    await sql`INSERT INTO accounts (address) VALUES (${signedSettings(key).address})`;
});

const apply = (given = signedSettings(ALICE), nowMs = NOW): Promise<SettingsOutcome> =>
  applySignedSettings(sql, given, POOL_TERMS, nowMs);
const stored = (): Promise<object[]> =>
  sql`SELECT threshold_sompi, donation_basis_points, alerts_address FROM account_settings`.then((rows) => [
    ...rows,
  ]);

describe('signed settings', () => {
  it('hold when the account itself signed them, and are kept with their signature', async () => {
    const given = signedSettings(ALICE);
    expect(await apply(given)).toMatchObject({ ok: true, changed: true });
    expect(await stored()).toEqual([
      { threshold_sompi: 5_000_000_000n, donation_basis_points: 50, alerts_address: 'me@example.org' },
    ]);
    const [kept] = await sql`SELECT message, signature FROM account_setting_changes`;
    expect(kept).toEqual({ message: given.message, signature: given.signature });
  });

  it('give everything back to the pool when they say so', async () => {
    await apply();
    const given = signedSettings(ALICE, {
      thresholdSompi: undefined,
      donationBasisPoints: 0n,
      alerts: '',
      signedAtMs: NOW + 1_000,
    });
    expect(await apply(given)).toMatchObject({ ok: true });
    expect(await stored()).toEqual([
      { threshold_sompi: null, donation_basis_points: 0, alerts_address: null },
    ]);
  });

  it('cannot be played again: an older message is refused, the same one changes nothing', async () => {
    const first = signedSettings(ALICE);
    const second = signedSettings(ALICE, { thresholdSompi: 900_000_000n, signedAtMs: NOW + 1_000 });
    await apply(first);
    expect(await apply(second)).toMatchObject({ changed: true });
    expect(await apply(second)).toMatchObject({ ok: true, changed: false });
    expect(await apply(first)).toMatchObject({ refusal: 'settings-older' });
    const twin = signedSettings(ALICE, { thresholdSompi: 800_000_000n, signedAtMs: NOW + 1_000 });
    expect(await apply(twin)).toMatchObject({ refusal: 'settings-older' });
    expect(await stored()).toMatchObject([{ threshold_sompi: 900_000_000n }]);
  });

  it('end with the newest of many that arrive at once', async () => {
    const messages = Array.from({ length: 12 }, (_, n) =>
      signedSettings(ALICE, { thresholdSompi: 1_000_000_000n + BigInt(n), signedAtMs: NOW + n * 1_000 }),
    );
    const outcomes = await Promise.all(messages.map((given) => apply(given)));
    expect(outcomes.every((one) => one.ok || one.refusal === 'settings-older')).toBe(true);
    expect(await stored()).toMatchObject([{ threshold_sompi: 1_000_000_011n }]);
    const [kept] = await sql<{ ordered: boolean }[]>`
      SELECT bool_and(ordered) AS ordered FROM (SELECT signed_at > lag(signed_at, 1, '-infinity') OVER (ORDER BY id) AS ordered
      FROM account_setting_changes) o`;
    expect(kept).toEqual({ ordered: true });
  });

  it.each([
    ['another pool', { pool: signedSettings(BOB).address }, 'other-pool'],
    ['another network', { network: 'mainnet' }, 'other-pool'],
    ['another account', { address: signedSettings(BOB).address }, 'other-address'],
    ['a threshold below the least', { thresholdSompi: 99_999_999n }, 'threshold-too-low'],
    ['a quarter of an hour ago', { signedAtMs: NOW - 901_000 }, 'signed-too-early'],
    ['the future', { signedAtMs: NOW + 121_000 }, 'signed-too-late'],
  ] as const)('are refused for %s', async (_, wish, refusal) => {
    expect(await apply(signedSettings(ALICE, wish))).toMatchObject({ ok: false, refusal });
    expect(await stored()).toEqual([]);
  });

  it('are refused when somebody else signed, or nobody', async () => {
    const alice = signedSettings(ALICE);
    const bob = signedSettings(BOB);
    expect(await apply({ ...alice, signature: bob.signature })).toMatchObject({ refusal: 'signature-wrong' });
    expect(await apply({ ...alice, signature: '0'.repeat(128) })).toMatchObject({
      refusal: 'signature-wrong',
    });
    expect(await apply({ ...alice, signature: 'x' })).toMatchObject({ refusal: 'signature-wrong' });
    expect(await apply({ ...alice, message: `${alice.message}\n` })).toMatchObject({
      refusal: 'message-malformed',
    });
    expect(await apply({ ...alice, address: alice.address.slice(0, -1) })).toMatchObject({
      refusal: 'address-invalid',
    });
  });

  it('make no account for a stranger: keys cost nothing', async () => {
    expect(await apply(signedSettings(keyOf(0x57a)))).toMatchObject({ refusal: 'account-unknown' });
    expect(await sql`SELECT count(*)::int AS count FROM accounts`).toMatchObject([{ count: 2 }]);
  });

  it('are protected by the table itself, whoever writes to it', async () => {
    await apply();
    const back = sql`UPDATE account_settings SET donation_basis_points = 1`;
    await expect(back).rejects.toMatchObject({ code: 'SL004' });
    await expect(sql`DELETE FROM account_settings`).rejects.toMatchObject({ code: 'SL004' });
    await expect(sql`UPDATE account_setting_changes SET message = ''`).rejects.toMatchObject({
      code: 'SL004',
    });
  });
});
