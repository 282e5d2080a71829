/**
 * The books as the operator's console reads and halts them. In: a database, maybe with a role of its own. Out: the newest that is known,
 * and the outcome of orders. A database that is away or slow never makes the console wait for long: it then gets what was read before,
 * with the fault beside it.
 */
import type { ActionAnswer, OperatorBooks } from '../api/operator/status-schema.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { redBlocks } from '../ledger/block-report.ts';
import { readMoneyTotals } from '../ledger/money-totals.ts';
import { type Database, openDatabase, toDatabaseError } from '../ledger/stores/postgres.ts';
import { clearHalts, raiseHalt } from '../payout/halts.ts';
import { askPayer } from '../payout/payout-requests.ts';
import { type PayoutStatus, payoutStatus } from './payout-status.ts';

const STATEMENT_TIMEOUT_MS = 3_000;
/** What the console waits for a look at the books; then it takes the one before. */
const LOOK_PATIENCE_MS = 1_000;
const LOOK_EVERY_MS = 2_000;
/** A round signs and sends each transaction of it. */
const RUN_PATIENCE_MS = 60_000;
const RED_DAYS = 7;
const REDS_SHOWN = 5;
const PAYOUTS_SHOWN = 20;
const NOT_ALLOWED = '42501';

type View = Omit<OperatorBooks, 'fault' | 'readAt'>;

export class BooksDesk {
  readonly #url: string;
  readonly #sql: Database;
  #view: View = EMPTY;
  #fault = 'not read yet';
  #readAt: string | null = null;
  #look: Promise<void> | undefined;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(databaseUrl: string) {
    this.#url = databaseUrl;
    this.#sql = openDatabase(databaseUrl, {
      applicationName: 'sluice operator',
      max: 2,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      connectTimeoutMs: STATEMENT_TIMEOUT_MS,
    });
  }

  async read(): Promise<OperatorBooks> {
    if (this.#look === undefined && performance.now() - this.#lookedAtMs > LOOK_EVERY_MS)
      this.#look = this.#lookAgain().finally(() => {
        this.#look = undefined;
        this.#lookedAtMs = performance.now();
      });
    if (this.#look !== undefined) await patience(this.#look, LOOK_PATIENCE_MS);
    return { ...this.#view, fault: this.#fault, readAt: this.#readAt };
  }

  async halt(reason: string, who: string): Promise<ActionAnswer> {
    await this.#ordered(() => raiseHalt(this.#sql, reason, who));
    const standing = (await this.#halts()).find(({ code }) => code === 'OPERATOR');
    return done(
      standing?.reason === reason
        ? `payouts are halted: ${reason}. What was sent already is still watched; "resume" lets them go on`
        : `payouts were halted already: ${standing?.reason ?? reason}`,
    );
  }

  async resume(who: string): Promise<ActionAnswer> {
    const cleared = await this.#ordered(() => clearHalts(this.#sql, who));
    return done(
      cleared.length === 0
        ? 'nothing was halted'
        : `payouts go on; cleared: ${cleared.map(({ code, reason }) => `${code} (${reason})`).join(', ')}`,
    );
  }

  async runRound(who: string): Promise<ActionAnswer> {
    const { leads, halts } = await this.#ordered(() => payoutStatus(this.#sql));
    if (halts.length > 0)
      return refused(`payouts are halted (${halts.map(({ code }) => code).join(', ')}): resume them first`);
    if (!leads) return refused('no payer runs: nothing was paid. Start one, or use `sluice payout run`');
    const outcome = await this.#ordered(() =>
      askPayer(this.#sql, { verb: 'run', reason: '', requestedBy: who }, RUN_PATIENCE_MS),
    );
    return { done: !outcome.startsWith('not done'), outcome };
  }

  async close(): Promise<void> {
    await this.#sql.end({ timeout: 0 }).catch(() => {});
  }

  async #lookAgain(): Promise<void> {
    try {
      const [status, totals, reds, violations] = await Promise.all([
        payoutStatus(this.#sql),
        readMoneyTotals(this.#sql),
        redBlocks(this.#sql, RED_DAYS, REDS_SHOWN),
        lastViolations(this.#sql),
      ]);
      this.#view = viewOf(status, totals, reds, violations);
      this.#readAt = new Date().toISOString();
      this.#fault = '';
    } catch (thrown) {
      const error = toDatabaseError(thrown, this.#url);
      this.#fault = error instanceof EdgeError ? error.message : 'a query failed or took too long';
    }
  }

  async #halts(): Promise<readonly { code: string; reason: string }[]> {
    // The next look shows it at once.
    this.#lookedAtMs = Number.NEGATIVE_INFINITY;
    return await this.#sql`SELECT code, reason FROM halts WHERE cleared_at IS NULL`;
  }

  /** @throws EdgeError that says what the role lacks, or that the database is away */
  async #ordered<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if ((thrown as { code?: unknown }).code === NOT_ALLOWED)
        throw new EdgeError(
          'SLUICE_OPERATOR_ROLE',
          "the console's database role may not do that",
          'Name in operator.databaseUrlFile a login in the role sluice_operator (deploy/roles.sql), or use `sluice payout`.',
        );
      throw toDatabaseError(thrown, this.#url);
    } finally {
      this.#lookedAtMs = Number.NEGATIVE_INFINITY;
    }
  }
}

async function lastViolations(sql: Database): Promise<number> {
  const [row] = await sql<{ violations: number }[]>`
    SELECT violation_count::int AS violations FROM audits ORDER BY id DESC LIMIT 1`;
  return row?.violations ?? 0;
}

function viewOf(
  status: PayoutStatus,
  totals: Awaited<ReturnType<typeof readMoneyTotals>>,
  reds: Awaited<ReturnType<typeof redBlocks>>,
  violations: number,
): View {
  const { payer } = status;
  return {
    halts: status.halts.map(({ code, reason, raised }) => ({ code, reason, raised })),
    payer: {
      leader: status.leader,
      leads: status.leads,
      toldSecondsAgo: Math.max(0, status.payerToldSecondsAgo),
      pays: payer?.pays ?? false,
      lastRound: payer?.lastRound ?? '',
      faults: [
        ...(payer?.duties ?? [])
          .filter(({ fault }) => fault !== '')
          .map(({ name, fault }) => `${name}: ${fault}`),
        ...(payer?.faults ?? []),
      ],
    },
    live: status.live.slice(0, PAYOUTS_SHOWN).map(rowOf),
    last: status.last.map(rowOf),
    totals: {
      owedSompi: String(status.owedSompi),
      owedAccounts: status.owedAccounts,
      inFlightSompi: String(status.inFlightSompi),
      paidSompi: String(totals.paidSompi),
      rewardsSompi: String(totals.rewardsSompi),
      unsettledSompi: String(totals.unsettledSompi),
      poolFeeSompi: String(totals.poolFeeSompi),
    },
    violations,
    reds: {
      days: RED_DAYS,
      merged: reds.merged,
      red: reds.red,
      byCause: reds.byCause,
      blocks: reds.blocks.map(({ blockHash, foundAt, explanation }) => ({
        hash: blockHash,
        foundAt,
        explanation,
      })),
    },
  };
}

function rowOf(row: PayoutStatus['live'][number]): OperatorBooks['live'][number] {
  const { id, kind, state, txid, payees, paidSompi, feeSompi, planned } = row;
  return {
    ...{ kind, state, payees },
    id: String(id),
    txid: txid ?? '',
    paidSompi: String(paidSompi),
    feeSompi: String(feeSompi),
    plannedAt: planned,
  };
}

const EMPTY: View = {
  halts: [],
  payer: { leader: '', leads: false, toldSecondsAgo: 0, pays: false, lastRound: '', faults: [] },
  live: [],
  last: [],
  totals: {
    owedSompi: '0',
    owedAccounts: 0,
    inFlightSompi: '0',
    paidSompi: '0',
    rewardsSompi: '0',
    unsettledSompi: '0',
    poolFeeSompi: '0',
  },
  violations: 0,
  reds: { days: RED_DAYS, merged: 0, red: 0, byCause: {}, blocks: [] },
};

function done(outcome: string): ActionAnswer {
  return { done: true, outcome };
}

function refused(outcome: string): ActionAnswer {
  return { done: false, outcome: `not done: ${outcome}` };
}

async function patience(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
