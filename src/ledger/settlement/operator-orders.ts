/**
 * What an operator may order in the books, each as one ledger transaction: a deposit into the reserve, collected fees into the
 * reserve, a coinbase output to the block it is of, a fee of its own for an account, an output that somebody else has spent.
 * In flow orders as JSON, since a running payer gets them through a table; out flows a sentence. Obeying one twice moves nothing twice.
 */
import { kasOf } from '../../domain/money.ts';
import { EdgeError } from '../../kit/edge-error.ts';
import { post } from '../books.ts';
import type { Lead } from '../lead.ts';
import type { ReservedConnection } from '../stores/postgres.ts';

/** What the operator may take out: what is the pool's own, and never what is owed. */
type PoolsOwn = 'pool_fee' | 'donation' | 'deposits';

export type Order =
  | { readonly order: 'fund-reserve'; readonly outpoint: string }
  | { readonly order: 'fund-reserve-from-fees'; readonly sompi: string }
  | { readonly order: 'attribute'; readonly outpoint: string; readonly blockHash: string }
  | {
      readonly order: 'account-fee';
      readonly address: string;
      /** null = its scheme's fee again. */
      readonly feeBasisPoints: string | null;
      readonly by: string;
    }
  | { readonly order: 'pay-out'; readonly from: PoolsOwn; readonly address: string; readonly sompi: string }
  | { readonly order: 'write-off'; readonly outpoint: string; readonly byTxid: string };

/** @param orderId of this order for ever: the same one again is the same order */
export async function obey(lead: Lead, order: Order, orderId: string): Promise<string> {
  switch (order.order) {
    case 'fund-reserve': {
      const sompi = await fundReserve(lead, outpointOf(order.outpoint)!);
      return `${kasOf(sompi)} KAS of ${order.outpoint} are in the reserve`;
    }
    case 'fund-reserve-from-fees':
      await fundReserveFromFees(lead, BigInt(order.sompi), orderId);
      return `${kasOf(BigInt(order.sompi))} KAS of fees are in the reserve`;
    case 'attribute': {
      const sompi = await attributeOutput(lead, outpointOf(order.outpoint)!, order.blockHash);
      return `${kasOf(sompi)} KAS will be divided as a reward of ${order.blockHash}`;
    }
    case 'account-fee': {
      const points = order.feeBasisPoints === null ? undefined : BigInt(order.feeBasisPoints);
      await setAccountFee(lead, order.address, points, order.by, orderId);
      return `${order.address}: ${points === undefined ? "its scheme's fee" : `${Number(points) / 100} %`}`;
    }
    case 'pay-out':
      await payOut(lead, order.from, order.address, BigInt(order.sompi), orderId);
      return `${kasOf(BigInt(order.sompi))} KAS are owed to ${order.address}: the next payout pays them`;
    case 'write-off': {
      const sompi = await writeOff(lead, outpointOf(order.outpoint)!, order.byTxid);
      return `${kasOf(sompi)} KAS of ${order.outpoint} are written off; the pool bears them`;
    }
  }
}

export interface Outpoint {
  readonly txid: string;
  readonly index: number;
}

/** `TXID:INDEX`; undefined when it is none. */
export function outpointOf(text: string): Outpoint | undefined {
  const parts = /^([0-9a-f]{64}):(\d{1,9})$/.exec(text.trim().toLowerCase());
  return parts ? { txid: parts[1]!, index: Number(parts[2]) } : undefined;
}

/** Gives the amount. Ordering it twice moves it once. */
function fundReserve(lead: Lead, { txid, index }: Outpoint): Promise<bigint> {
  return lead.transaction(async (sql) => {
    const amountSompi = await amountOf(sql, { txid, index }, 'deposit');
    await post(sql, lead.epoch, {
      key: `reserve:${txid}:${index}`,
      kind: 'reserve',
      detail: { outpoint: `${txid}:${index}` },
      entries: [
        { kind: 'deposits', sompi: -amountSompi },
        { kind: 'reserve', sompi: amountSompi },
      ],
    });
    return amountSompi;
  });
}

/** Fees that the pool has earned, left in the reserve. */
async function fundReserveFromFees(lead: Lead, sompi: bigint, orderId: string): Promise<bigint> {
  await requireFreeFees(lead, sompi);
  return lead.transaction((sql) =>
    post(sql, lead.epoch, {
      key: `reserve:fees:${orderId}`,
      kind: 'reserve',
      detail: { from: 'pool_fee', sompi },
      entries: [
        { kind: 'pool_fee', sompi: -sompi },
        { kind: 'reserve', sompi },
      ],
    }),
  );
}

/**
 * Fees that the pool has earned, less what it has paid or will pay to the network out of them: the account network_fees is below
 * zero by that much. Whoever took all of pool_fee would take miners' money for the rest.
 *
 * @throws EdgeError SLUICE_FEES_SHORT
 */
async function requireFreeFees(lead: Lead, sompi: bigint): Promise<void> {
  const [row] = await lead.sql<{ free: bigint }[]>`
    SELECT ((SELECT coalesce(sum(balance_sompi), 0) FROM ledger_accounts WHERE kind IN ('pool_fee', 'network_fees'))
          - (SELECT coalesce(sum(fee_sompi), 0) FROM payouts
             WHERE fee_from = 'pool' AND state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED')))::bigint AS free`;
  if (sompi <= row!.free) return;
  throw new EdgeError(
    'SLUICE_FEES_SHORT',
    `the pool's fees, less those of the network that it bears, hold ${kasOf(row!.free)} KAS`,
    'Ask for no more than that.',
  );
}

/**
 * What the pool has earned, or was given, to an address of the operator's own: it becomes that account's balance, and the next payout
 * pays it, within all caps and by the one way on which the books stay right. Whoever sends it by a wallet instead spends outputs
 * that the ledger counts on, and the payer refuses to start.
 */
async function payOut(
  lead: Lead,
  from: PoolsOwn,
  address: string,
  sompi: bigint,
  orderId: string,
): Promise<void> {
  if (from === 'pool_fee') await requireFreeFees(lead, sompi);
  await lead.transaction(async (sql) => {
    await sql`INSERT INTO accounts (address) VALUES (${address}) ON CONFLICT DO NOTHING`;
    const [account] = await sql<{ id: bigint }[]>`SELECT id FROM accounts WHERE address = ${address}`;
    await post(sql, lead.epoch, {
      key: `withdraw:${from}:${orderId}`,
      kind: 'withdraw',
      detail: { from, account: account!.id, sompi },
      entries: [
        { kind: from, sompi: -sompi },
        { kind: 'miner', accountId: account!.id, sompi },
      ],
    });
  });
}

/**
 * An output that was spent past the ledger, by a wallet or a thief, leaves the books, and the pool bears it: until its fees have made
 * up for it nothing can be taken out of them. Change that came back is a deposit.
 *
 * @param byTxid the transaction that spent it
 */
function writeOff(lead: Lead, { txid, index }: Outpoint, byTxid: string): Promise<bigint> {
  return lead.transaction(async (sql) => {
    const [output] = await sql<{ amount: bigint; held: boolean }[]>`
      SELECT o.amount_sompi AS amount, EXISTS (SELECT FROM payout_inputs i
        WHERE i.txid = o.txid AND i.output_index = o.output_index AND i.live) AS held
      FROM treasury_outputs o WHERE o.txid = ${txid} AND o.output_index = ${index} AND o.spent_by IS NULL FOR UPDATE`;
    if (!output || output.held) {
      throw new EdgeError(
        'SLUICE_OUTPOINT',
        output
          ? `${txid}:${index} belongs to a payout that is under way`
          : `no unspent output ${txid}:${index} is in the books`,
        'A payout whose input was spent ends in conflict by itself; one that was never sent can be cancelled.',
      );
    }
    await post(sql, lead.epoch, {
      key: `withdraw:${txid}:${index}`,
      kind: 'withdraw',
      detail: { outpoint: `${txid}:${index}`, byTxid },
      entries: [
        { kind: 'treasury', sompi: output.amount },
        { kind: 'network_fees', sompi: -output.amount },
      ],
    });
    await sql`UPDATE treasury_outputs SET spent_by = ${byTxid} WHERE txid = ${txid} AND output_index = ${index}`;
    return output.amount;
  });
}

/** An output that nobody knew the block of becomes a reward of that block, and is divided with the next settlement of its pot. */
function attributeOutput(lead: Lead, { txid, index }: Outpoint, blockHash: string): Promise<bigint> {
  return lead.transaction(async (sql) => {
    const amountSompi = await amountOf(sql, { txid, index }, 'unattributed');
    const [block] = await sql<{ id: bigint }[]>`SELECT id FROM blocks WHERE block_hash = ${blockHash}`;
    if (!block) {
      throw new EdgeError(
        'SLUICE_BLOCK_UNKNOWN',
        `no block of this pool has the hash ${blockHash}`,
        'Only blocks that an engine has found can be named.',
      );
    }
    await post(sql, lead.epoch, {
      key: `attribute:${txid}:${index}`,
      kind: 'attribute',
      detail: { outpoint: `${txid}:${index}`, blockHash },
      entries: [
        { kind: 'unattributed', sompi: -amountSompi },
        { kind: 'unsettled', sompi: amountSompi },
      ],
    });
    await sql`
      UPDATE treasury_outputs SET origin = 'blue', block_id = ${block.id} WHERE txid = ${txid} AND output_index = ${index}`;
    // As the intake does it: a block that stays blue would keep a PROP pot waiting for its reward.
    await sql`
      UPDATE blocks SET state = 'matured', colour = 'blue', deep = true, updated_at = now(),
        reward_sompi = (SELECT sum(amount_sompi) FROM treasury_outputs WHERE block_id = ${block.id})
      WHERE id = ${block.id}`;
    return amountSompi;
  });
}

/** undefined = none of its own any more. From the next settlement on. */
function setAccountFee(
  lead: Lead,
  address: string,
  feeBasisPoints: bigint | undefined,
  by: string,
  orderId: string,
): Promise<void> {
  return lead.transaction(async (sql) => {
    const [account] = await sql<{ id: bigint }[]>`SELECT id FROM accounts WHERE address = ${address}`;
    if (!account) {
      throw new EdgeError(
        'SLUICE_ACCOUNT_UNKNOWN',
        `nobody has mined to ${address} yet`,
        'An account begins with its first accepted share.',
      );
    }
    await post(sql, lead.epoch, {
      key: `fee:${account.id}:${orderId}`,
      kind: 'setting',
      detail: { account: account.id, feeBasisPoints: feeBasisPoints ?? null, by },
      entries: [],
    });
    if (feeBasisPoints === undefined) await sql`DELETE FROM account_terms WHERE account_id = ${account.id}`;
    else {
      await sql`
        INSERT INTO account_terms (account_id, fee_basis_points, set_by) VALUES (${account.id}, ${Number(feeBasisPoints)}, ${by})
        ON CONFLICT (account_id) DO UPDATE
          SET fee_basis_points = excluded.fee_basis_points, set_at = now(), set_by = excluded.set_by`;
    }
  });
}

async function amountOf(
  sql: ReservedConnection,
  { txid, index }: Outpoint,
  origin: 'deposit' | 'unattributed',
): Promise<bigint> {
  const [row] = await sql<{ amount: bigint; origin: string }[]>`
    SELECT amount_sompi AS amount, origin FROM treasury_outputs WHERE txid = ${txid} AND output_index = ${index} FOR UPDATE`;
  if (row?.origin === origin) return row.amount;
  throw new EdgeError(
    'SLUICE_OUTPOINT',
    row
      ? `${txid}:${index} came as ${row.origin}, not as ${origin}`
      : `no output ${txid}:${index} is in the books`,
    'The payer books outputs at the treasury once they are mature.',
  );
}
