/**
 * The books against the chain: payments that count as confirmed are on it, and the outputs that the ledger counts on are there.
 * In flows a view with a witness, out flow sentences; without a witness, nothing.
 */
import { type AuditView, type ChainOutput, ROWS_NAMED } from './audit-view.ts';

/** A full audit asks about the payments of so many days: nodes forget blocks after one or two. */
const ASKED_DAYS = 2;
/** Each is a question to a node. */
const ASKED_MAX = 500;
/** What is sent to the treasury below this is left lying and gets no row, as the intake has it: anybody may send ten thousand of them. */
const BOOKED_LEAST_SOMPI = 1_000_000n;

/** 14 */
export async function unconfirmedPayments({ sql, full, recentFrom, chain }: AuditView): Promise<string[]> {
  if (!chain) return [];
  const payouts = await sql<{ id: bigint; txid: string; accepting_block: string }[]>`
    SELECT id, txid, accepting_block FROM payouts
    WHERE state = 'CONFIRMED' AND updated_at >= ${full ? sql`now() - make_interval(days => ${ASKED_DAYS}::int)` : sql`${recentFrom}`}
    ORDER BY id DESC LIMIT ${ASKED_MAX}`;
  const missing: string[] = [];
  for (const { id, txid, accepting_block: block } of payouts) {
    if (missing.length === ROWS_NAMED) break;
    if ((await chain.isOnChain(txid, block)) === false)
      missing.push(
        `payout ${id} is CONFIRMED, and the chain does not hold transaction ${txid} in block ${block}`,
      );
  }
  return missing;
}

interface BookedOutput {
  readonly txid: string;
  readonly output_index: number;
  readonly amount_sompi: bigint;
  readonly spent_by: string | null;
  /** An input of a payout that was sent and is not confirmed: the chain may show it either way. */
  readonly on_its_way: boolean;
}

/**
 * 15. Outpoint by outpoint. Amounts alone would let two faults hide each other. The chain was asked before the snapshot was taken, so
 * whatever had left the treasury by then is in the snapshot as sent.
 */
export async function unlikeTreasury({ sql, chainOutputs }: AuditView): Promise<string[]> {
  if (!chainOutputs) return [];
  const { outputs, bookedBelowDaa } = chainOutputs;
  const shown = new Map(outputs.map((output) => [`${output.txid}:${output.index}`, output]));
  // Spent ones are compared only as far as the chain still shows them.
  const rows = await sql<BookedOutput[]>`
    SELECT o.txid, o.output_index, o.amount_sompi, o.spent_by, EXISTS (
      SELECT FROM payout_inputs i JOIN payouts p ON p.id = i.payout_id
      WHERE i.txid = o.txid AND i.output_index = o.output_index AND p.state IN ('BROADCAST', 'ACCEPTED')) AS on_its_way
    FROM treasury_outputs o
    WHERE o.spent_by IS NULL OR (o.txid, o.output_index) IN (
      SELECT split_part(place, ':', 1), split_part(place, ':', 2)::int FROM unnest(${[...shown.keys()]}::text[]) AS s (place))`;
  const unlike: string[] = [];
  for (const row of rows) {
    const place = `${row.txid}:${row.output_index}`;
    const fault = difference(row, shown.get(place));
    if (fault) unlike.push(`output ${place}: ${fault}`);
    shown.delete(place);
  }
  const own = await sentTransactions(sql);
  for (const [place, output] of shown) {
    if (output.daaScore >= bookedBelowDaa || output.amountSompi < BOOKED_LEAST_SOMPI) continue;
    if (own.has(output.txid)) continue;
    unlike.push(
      `output ${place} of ${output.amountSompi} sompi lies at the treasury and is not in the books`,
    );
  }
  return unlike.slice(0, ROWS_NAMED);
}

function difference(row: BookedOutput, onChain: ChainOutput | undefined): string | undefined {
  if (!onChain) {
    if (row.spent_by !== null || row.on_its_way) return undefined;
    return `${row.amount_sompi} sompi by the books, and the chain does not show it: it was spent elsewhere`;
  }
  if (row.spent_by !== null) return `spent by ${row.spent_by} by the books, and the chain shows it unspent`;
  if (onChain.amountSompi !== row.amount_sompi)
    return `${row.amount_sompi} sompi by the books, ${onChain.amountSompi} on the chain`;
  return undefined;
}

/** Change of a payout comes into the books when that is confirmed, and lies on the chain before. */
async function sentTransactions(sql: AuditView['sql']): Promise<Set<string>> {
  const rows = await sql<{ txid: string }[]>`
    SELECT txid FROM payouts WHERE state IN ('BROADCAST', 'ACCEPTED') AND txid IS NOT NULL`;
  return new Set(rows.map(({ txid }) => txid));
}
