/**
 * What a payer says of itself, every two seconds, into one row of the database: for `sluice payout status`, which may be asked on
 * another machine. Nothing is decided by it.
 */
import { hostname } from 'node:os';
import { reportText } from '../payout/report-text.ts';
import type { DutyContext } from './payer-duties.ts';
import type { Duty, DutyRecord } from './payer-loop.ts';
import { tellParent } from './role-channel.ts';

export interface PayerStatus {
  readonly host: string;
  readonly pid: number;
  readonly pays: boolean;
  readonly duties: readonly {
    readonly name: string;
    readonly lastOkUnixMs: number;
    readonly fault: string;
  }[];
  readonly nodes: readonly { readonly name: string; readonly connected: boolean; readonly fault: string }[];
  /** Of the last round that was looked at. */
  readonly lastRound: string;
  readonly faults: readonly string[];
}

const EVERY_MS = 2_000;

export function statusDuty(context: DutyContext, records: ReadonlyMap<string, DutyRecord>): Duty {
  const { lead, metrics, config } = context;
  return {
    name: 'status',
    everyMs: EVERY_MS,
    tick: async () => {
      const status = statusOf(context, records);
      tellParent({ kind: 'status', info: status });
      await lead.sql`
        INSERT INTO payer_status (leader_epoch, status) VALUES (${lead.epoch}, ${JSON.stringify(status)}::text::jsonb)
        ON CONFLICT (only_one) DO UPDATE SET leader_epoch = excluded.leader_epoch, status = excluded.status, told_at = now()
        WHERE payer_status.leader_epoch <= excluded.leader_epoch`;
      if (config.payouts.stateDirectory !== undefined) await metrics.write(config.payouts.stateDirectory);
    },
  };
}

function statusOf(
  { links, signer, told }: DutyContext,
  records: ReadonlyMap<string, DutyRecord>,
): PayerStatus {
  return {
    host: hostname(),
    pid: process.pid,
    pays: signer !== undefined,
    duties: [...records].map(([name, { lastOkUnixMs, fault }]) => ({ name, lastOkUnixMs, fault })),
    nodes: links.map(({ name, connected, fault }) => ({ name, connected, fault })),
    lastRound: told.payouts ? reportText(told.payouts) : '',
    faults: told.payouts?.faults ?? [],
  };
}
