/**
 * PPS and FPPS: buys the work of every complete minute from the reserve. In flow minutes in order, out flow credits, each minute once
 * and whole. It must never bring the reserve below the operator's stop line: then it pauses, and what is owed waits, in order.
 *
 *   pot_minutes after the last credited one -> work by account x value / hashes of a block -> pps:POT:MINUTE
 *                                               reserve - gross < stop line? -> paused, this pot only
 */

import { kasOf } from '../../domain/money.ts';
import { POTS } from '../../domain/pot.ts';
import { targetOfBits, workOfTarget } from '../../domain/target.ts';
import type { Logger } from '../../kit/log.ts';
import { post } from '../books.ts';
import type { Lead } from '../lead.ts';
import { prepareForSums, prepareForWriting, SUMS_DEADLINE_MS, workInWindow } from '../reward-window.ts';
import { creditMinute, type MinuteCredit } from '../schemes/pps.ts';
import { MS_PER_MINUTE } from '../schemes/scheme.ts';
import type { Terms } from '../schemes/terms.ts';
import type { ReservedConnection } from '../stores/postgres.ts';
import { type NetworkFacts, networkAt } from './network-minutes.ts';
import { type PolicyRow, policyAt, readPolicies } from './policies.ts';
import { creditsOf } from './settlement-store.ts';

/** A day takes fifty ticks to catch up with, each of them short enough for payouts in between. */
const MINUTES_PER_TICK = 30;

export interface PpsOptions {
  readonly lead: Lead;
  readonly log: Logger;
}

export interface PpsReport {
  readonly creditedMinutes: number;
  readonly creditedSompi: bigint;
  /** Pots that wait for the reserve, and what their next minute costs. */
  readonly paused: readonly { readonly pot: number; readonly minuteMs: number; readonly owedSompi: bigint }[];
  readonly reserveSompi: bigint;
}

/** What became of one minute; the sum is what it costs. */
type Outcome = { readonly credited: boolean; readonly grossSompi: bigint } | undefined;

export class PpsCredit {
  readonly #options: PpsOptions;
  /** Pots that have been reported as paused, so that a pause is one line and not one a second. */
  readonly #told = new Set<number>();

  constructor(options: PpsOptions) {
    this.#options = options;
  }

  async tick(): Promise<PpsReport> {
    const { lead } = this.#options;
    const paused: { pot: number; minuteMs: number; owedSompi: bigint }[] = [];
    let [creditedMinutes, creditedSompi] = [0, 0n];
    const policies = await readPolicies(lead.sql);
    for (const pot of [POTS.pps, POTS.fpps]) {
      for (const minuteMs of await minutesOwed(lead.sql, pot)) {
        const policy = policyAt(policies, pot, minuteMs);
        // The stop line is about now, whatever minute is being paid.
        const stopSompi = policies.findLast((one) => one.pot === pot)?.terms.reserveStopSompi;
        if (!policy || stopSompi === undefined) break;
        const outcome = await this.#credit(policy, minuteMs, stopSompi);
        if (!outcome) break;
        if (!outcome.credited) {
          paused.push({ pot, minuteMs, owedSompi: outcome.grossSompi });
          this.#tellPaused(pot, minuteMs, outcome.grossSompi);
          break;
        }
        this.#tellGoingOn(pot);
        creditedMinutes++;
        creditedSompi += outcome.grossSompi;
      }
    }
    return { creditedMinutes, creditedSompi, paused, reserveSompi: await reserveBalance(lead.sql) };
  }

  /** undefined: nobody has said yet what a block is worth. */
  #credit(policy: PolicyRow, minuteMs: number, stopSompi: bigint): Promise<Outcome> {
    const { lead } = this.#options;
    return lead.transaction(async (sql) => {
      await prepareForSums(sql);
      const facts = await networkAt(sql, minuteMs);
      if (!facts) return undefined;
      const minute = { fromMs: minuteMs, toMs: minuteMs + MS_PER_MINUTE };
      const accounts = await workInWindow(sql, policy.pot, minute);
      const credit = creditMinute(
        accounts,
        policy.terms,
        minute,
        blockValueOf(facts, policy.terms),
        workOfTarget(targetOfBits(facts.networkBits)),
      );
      const { grossSompi } = credit;
      if ((await reserveBalance(sql)) - grossSompi < stopSompi) return { credited: false, grossSompi };
      await prepareForWriting(sql);
      await writeMinute(sql, lead.epoch, policy, minuteMs, facts, credit);
      return { credited: true, grossSompi };
    }, SUMS_DEADLINE_MS);
  }

  #tellPaused(pot: number, minuteMs: number, owedSompi: bigint): void {
    if (this.#told.has(pot)) return;
    this.#told.add(pot);
    this.#options.log.warn(
      { pot, minute: new Date(minuteMs).toISOString(), owedKas: kasOf(owedSompi) },
      'the reserve has reached its stop line: crediting is paused, what is owed waits until it is filled',
    );
  }

  #tellGoingOn(pot: number): void {
    if (this.#told.delete(pot))
      this.#options.log.info({ pot }, 'the reserve has been filled: crediting goes on');
  }
}

function blockValueOf({ subsidySompi, feesSompi }: NetworkFacts, { scheme }: Terms): bigint {
  return scheme === 'fpps' ? subsidySompi + feesSompi : subsidySompi;
}

async function minutesOwed(sql: ReservedConnection, pot: number): Promise<number[]> {
  const rows = await sql<{ minute_s: number }[]>`
    SELECT extract(epoch FROM minute)::float8 AS minute_s FROM pot_minutes
    WHERE pot = ${pot} AND minute > coalesce((SELECT max(minute) FROM pps_minutes WHERE pot = ${pot}), '-infinity')
    ORDER BY minute LIMIT ${MINUTES_PER_TICK}`;
  return rows.map(({ minute_s }) => minute_s * 1_000);
}

async function reserveBalance(sql: ReservedConnection): Promise<bigint> {
  const [row] = await sql<{ balance: bigint }[]>`
    SELECT balance_sompi AS balance FROM ledger_accounts WHERE kind = 'reserve'`;
  return row?.balance ?? 0n;
}

async function writeMinute(
  sql: ReservedConnection,
  epoch: bigint,
  policy: PolicyRow,
  minuteMs: number,
  facts: NetworkFacts,
  credit: MinuteCredit,
): Promise<void> {
  const minute = new Date(minuteMs).toISOString();
  const valueSompi = blockValueOf(facts, policy.terms);
  const transactionId = await post(sql, epoch, {
    key: `pps:${policy.pot}:${minute}`,
    kind: 'pps',
    detail: {
      pot: policy.pot,
      minute,
      policy: policy.id,
      networkBits: facts.networkBits,
      valueSompi,
      work: credit.work,
    },
    entries: [
      { kind: 'reserve', sompi: -credit.grossSompi },
      { kind: 'pool_fee', sompi: credit.feeSompi },
      { kind: 'donation', sompi: credit.donationSompi },
      ...creditsOf(credit.parts),
    ],
  });
  await sql`
    INSERT INTO pps_minutes (pot, minute, policy_id, network_bits, value_sompi, work, account_count, gross_sompi, fee_sompi,
      donation_sompi, transaction_id)
    VALUES (${policy.pot}, to_timestamp(${minuteMs / 1_000}::float8), ${policy.id}, ${BigInt(facts.networkBits)}, ${valueSompi},
      ${String(credit.work)}::text::numeric, ${credit.parts.length}, ${credit.grossSompi}, ${credit.feeSompi},
      ${credit.donationSompi}, ${transactionId})`;
}
