/**
 * What an operator may order in the books, each as one ledger transaction: a deposit into the reserve, collected fees into the
 * reserve, a coinbase output to the block it is of, a fee of its own for an account, an output that somebody else has spent.
 * In flow orders as JSON, since a running payer gets them through a table; out flows a sentence. Obeying one twice moves nothing twice.
 */
import { kasOf } from '../../domain/money.ts';
import { EdgeError } from '../../kit/edge-error.ts';
import { type AccountKind, post } from '../books.ts';
import type { Lead } from '../lead.ts';
import type { ReservedConnection } from '../stores/postgres.ts';

/** Who may bear the loss of an output: what is the pool's own, and never what is owed. */
export const BEARERS = ['pool_fee', 'reserve', 'deposits'] as const satisfies readonly AccountKind[];

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
  | {
      readonly order: 'withdraw';
      readonly outpoint: string;
      readonly spentBy: string;
      readonly from: (typeof BEARERS)[number];
    };

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
    case 'withdraw': {
      const sompi = await withdraw(lead, outpointOf(order.outpoint)!, order.spentBy, order.from);
      return `${kasOf(sompi)} KAS of ${order.outpoint} are out of the books, at the cost of ${order.from}`;
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
function fundReserveFromFees(lead: Lead, sompi: bigint, orderId: string): Promise<bigint> {
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

/**
 * An output that another wallet with the same key has spent, or a thief: the chain has not got it any more, and somebody bears it.
 * What of it came back to the treasury is booked as a deposit by itself.
 */
function withdraw(
  lead: Lead,
  { txid, index }: Outpoint,
  spentBy: string,
  from: (typeof BEARERS)[number],
): Promise<bigint> {
  return lead.transaction(async (sql) => {
    const [row] = await sql<{ amount: bigint; spent_by: string | null; live: boolean }[]>`
      SELECT amount_sompi AS amount, spent_by, EXISTS (SELECT FROM payout_inputs i
        WHERE i.txid = o.txid AND i.output_index = o.output_index AND i.live) AS live
      FROM treasury_outputs o WHERE txid = ${txid} AND output_index = ${index} FOR UPDATE`;
    if (!row || row.live || (row.spent_by !== null && row.spent_by !== spentBy)) {
      const why = !row ? 'is not in the books' : row.live ? 'belongs to a payout' : 'was spent before';
      throw new EdgeError(
        'SLUICE_OUTPOINT',
        `${txid}:${index} ${why}`,
        'Only an unspent output of no payout can be taken out of the books.',
      );
    }
    await post(sql, lead.epoch, {
      key: `withdraw:${txid}:${index}`,
      kind: 'withdraw',
      detail: { outpoint: `${txid}:${index}`, spentBy, from },
      entries: [
        { kind: 'treasury', sompi: row.amount },
        { kind: from, sompi: -row.amount },
      ],
    });
    await sql`
      UPDATE treasury_outputs SET spent_by = ${spentBy} WHERE txid = ${txid} AND output_index = ${index}`;
    return row.amount;
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
