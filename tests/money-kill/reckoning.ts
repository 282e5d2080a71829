/**
 * What the chain says of every payee, against what was earned. In flow the node's outputs and the ledger, out flow the three numbers.
 * The chain is asked for what was paid: the ledger is only believed for what is still owed.
 */
import { PAYEES } from './money-feed.ts';
import type { MoneyRig } from './money-rig.ts';

export interface Reckoning {
  /** Accounts that got more than they earned. */
  readonly double: number;
  /** Accounts whose payments, balance and fees do not make up what they earned. */
  readonly missing: number;
  /** Payouts without an end, and accounts that are due and were not paid. */
  readonly stuck: number;
  readonly faults: readonly string[];
}

/** From here on an account is due; payouts.minimumKas of the rig. */
const DUE_SOMPI = 1_000_000_000n;

export interface OpenWork {
  readonly live: number;
  readonly due: number;
  /** Rewards that are not divided yet. */
  readonly unsettled: number;
  /** '' when there is none. */
  readonly halts: string;
}

export async function openWork({ sql }: MoneyRig): Promise<OpenWork> {
  const [row] = await sql<OpenWork[]>`
    SELECT (SELECT count(*) FROM payouts WHERE state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED'))::int AS live,
           (SELECT count(*) FROM ledger_accounts l JOIN accounts a ON a.id = l.account_id
            WHERE l.kind = 'miner' AND l.balance_sompi >= ${DUE_SOMPI} AND a.address = ANY (${PAYEES}::text[]))::int AS due,
           (SELECT count(*) FROM treasury_outputs WHERE settlement_id IS NULL AND origin IN ('blue', 'reds'))::int AS unsettled,
           (SELECT coalesce(string_agg(code || ' ' || reason, '; '), '') FROM halts WHERE cleared_at IS NULL) AS halts`;
  return row!;
}

export async function reckon(rig: MoneyRig): Promise<Reckoning> {
  const faults: string[] = [];
  const { live, due } = await openWork(rig);
  const paid = await rig.miner.balancesOf(PAYEES);
  const rows = await rig.sql<{ address: string; earned: bigint; balance: bigint; fees: bigint }[]>`
    SELECT a.address,
           coalesce((SELECT sum(gross_sompi + bonus_sompi - fee_sompi - donation_sompi) FROM settlement_parts
                     WHERE account_id = a.id), 0)::bigint AS earned,
           coalesce((SELECT balance_sompi FROM ledger_accounts WHERE kind = 'miner' AND account_id = a.id), 0)::bigint AS balance,
           coalesce((SELECT sum(y.fee_sompi) FROM payments y JOIN payouts p ON p.id = y.payout_id
                     WHERE y.account_id = a.id AND p.state = 'CONFIRMED'), 0)::bigint AS fees
    FROM accounts a`;
  let double = 0;
  let missing = 0;
  for (const { address, earned, balance, fees } of rows) {
    const got = paid.get(address) ?? 0n;
    const sum = got + balance + fees;
    if (sum === earned) continue;
    if (sum > earned) double++;
    else missing++;
    faults.push(
      `${address} earned ${earned}, and has ${got} on the chain, ${balance} in its balance, ${fees} of fees`,
    );
  }
  faults.push(...(await booksFaults(rig)));
  return { double, missing, stuck: live + due, faults };
}

/** The treasury to the last output, and the sum of everything. */
async function booksFaults({ sql, miner, treasury }: MoneyRig): Promise<string[]> {
  const faults: string[] = [];
  const [total] = await sql<{ all: bigint; treasury: bigint }[]>`
    SELECT sum(balance_sompi)::bigint AS all, -sum(balance_sompi) FILTER (WHERE kind = 'treasury')::bigint AS treasury
    FROM ledger_accounts`;
  if (total!.all !== 0n) faults.push(`the ledger adds up to ${total!.all}`);
  const believed = await sql<{ outpoint: string; amount_sompi: bigint }[]>`
    SELECT txid || ':' || output_index AS outpoint, amount_sompi FROM treasury_outputs WHERE spent_by IS NULL`;
  const shown = new Map(
    (await miner.link.utxosOf([treasury])).map((utxo) => [
      `${utxo.transactionId}:${utxo.index}`,
      utxo.amountSompi,
    ]),
  );
  const gone = believed.filter(({ outpoint, amount_sompi }) => shown.get(outpoint) !== amount_sompi);
  if (gone.length > 0)
    faults.push(`${gone.length} outputs of the ledger are not on the chain, e.g. ${gone[0]!.outpoint}`);
  const unknown = shown.size - (believed.length - gone.length);
  if (unknown > 0) faults.push(`${unknown} outputs at the treasury are not in the ledger`);
  const sum = believed.reduce((all, { amount_sompi }) => all + amount_sompi, 0n);
  if (sum !== total!.treasury)
    faults.push(`outputs of ${sum}, and a treasury of ${total!.treasury} in the ledger`);
  return faults;
}
