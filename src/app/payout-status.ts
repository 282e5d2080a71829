/** `sluice payout status`: halts, payouts on their way, who leads. In flows a database, out flow rows and their text. */
import { kasOf } from '../domain/money.ts';
import type { Database } from '../ledger/stores/postgres.ts';
import type { PayerStatus } from './payer-status.ts';

interface StatusPayout {
  readonly id: bigint;
  readonly kind: string;
  readonly state: string;
  readonly txid: string | null;
  readonly payees: number;
  readonly paidSompi: bigint;
  readonly feeSompi: bigint;
  readonly planned: string;
}

export interface PayoutStatus {
  readonly halts: readonly { readonly code: string; readonly reason: string; readonly raised: string }[];
  /** '' = nobody ever had it. */
  readonly leader: string;
  /** Somebody holds the lock now. */
  readonly leads: boolean;
  readonly payer: PayerStatus | undefined;
  readonly payerToldSecondsAgo: number;
  readonly live: readonly StatusPayout[];
  readonly last: readonly StatusPayout[];
  readonly owedSompi: bigint;
  readonly owedAccounts: number;
  readonly inFlightSompi: bigint;
}

const LAST_SHOWN = 10;
/** Of `Lead`. */
const LEAD_LOCK = 72_937;

export async function payoutStatus(sql: Database): Promise<PayoutStatus> {
  const halts = await sql<{ code: string; reason: string; raised: string }[]>`
    SELECT code, reason, raised_at::text || ' by ' || raised_by AS raised FROM halts WHERE cleared_at IS NULL ORDER BY id`;
  const [lead] = await sql<{ holder: string; leads: boolean }[]>`
    SELECT holder || ', since ' || taken_at::text AS holder,
           EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = ${LEAD_LOCK}::bigint::oid AND granted
                   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) AS leads
    FROM leaders WHERE role = 'payer'`;
  const [told] = await sql<{ status: PayerStatus; age: number }[]>`
    SELECT status, extract(epoch FROM now() - told_at)::float8 AS age FROM payer_status`;
  const [owed] = await sql<{ owed: bigint; accounts: number; in_flight: bigint }[]>`
    SELECT coalesce(sum(balance_sompi) FILTER (WHERE kind = 'miner'), 0)::bigint AS owed,
           (count(*) FILTER (WHERE kind = 'miner' AND balance_sompi > 0))::int AS accounts,
           coalesce(sum(balance_sompi) FILTER (WHERE kind = 'in_flight'), 0)::bigint AS in_flight
    FROM ledger_accounts`;
  return {
    halts: [...halts],
    leader: lead?.holder ?? '',
    leads: lead?.leads ?? false,
    payer: told?.status,
    payerToldSecondsAgo: Math.round(told?.age ?? 0),
    live: await payouts(sql, true),
    last: await payouts(sql, false),
    owedSompi: owed!.owed,
    owedAccounts: owed!.accounts,
    inFlightSompi: owed!.in_flight,
  };
}

async function payouts(sql: Database, live: boolean): Promise<readonly StatusPayout[]> {
  const rows = await sql<StatusPayout[]>`
    SELECT id, kind, state, txid, (SELECT count(*)::int FROM payments y WHERE y.payout_id = p.id) AS payees,
           paid_sompi AS "paidSompi", fee_sompi AS "feeSompi", planned_at::text AS planned
    FROM payouts p WHERE (state IN ('PLANNED', 'SIGNED', 'BROADCAST', 'ACCEPTED')) = ${live}
    ORDER BY id DESC LIMIT ${live ? 1_000 : LAST_SHOWN}`;
  return [...rows];
}

export function statusText(status: PayoutStatus): string {
  const { halts, payer, live, last } = status;
  const lines = halts.map(({ code, reason, raised }) => `HALTED  ${code}: ${reason} (${raised})`);
  if (halts.length === 0) lines.push('not halted');
  lines.push(
    status.leader === ''
      ? 'no payer ever ran on this database'
      : `${status.leads ? 'payer: ' : 'no payer runs; the last one was '}${status.leader}`,
  );
  if (payer && status.leads) {
    lines.push(
      `told ${status.payerToldSecondsAgo} s ago; ${payer.pays ? 'has the key' : 'has no key: keeps the books only'}`,
    );
    if (payer.lastRound !== '') lines.push(`last round: ${payer.lastRound}`);
    for (const { name, fault } of payer.duties) if (fault !== '') lines.push(`duty ${name}: ${fault}`);
    for (const { name, fault } of payer.nodes) if (fault !== '') lines.push(`node ${name}: ${fault}`);
    lines.push(...payer.faults);
  }
  lines.push(
    `${kasOf(status.owedSompi)} KAS are owed to ${status.owedAccounts} accounts, ${kasOf(status.inFlightSompi)} KAS are on their way`,
  );
  for (const [title, rows] of [
    ['on their way:', live],
    ['last ended:', last],
  ] as const)
    if (rows.length > 0) lines.push(title, ...rows.map(payoutLine));
  return `${lines.join('\n')}\n`;
}

function payoutLine({ id, kind, state, txid, payees, paidSompi, feeSompi, planned }: StatusPayout): string {
  return `  ${id}  ${state.padEnd(10)}  ${kind}, ${payees} payees, ${kasOf(paidSompi)} KAS, fee ${kasOf(feeSompi)}, planned ${planned}  ${txid ?? ''}`;
}
