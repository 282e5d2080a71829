/**
 * The auditor: looks at the books again and again, and raises the latch when they do not hold. In flow a database and, where there
 * is one, a chain to ask; out flow reports, rows of `audits`, and halts. It must never write to what it audits, and never let a
 * failed look count as a clean one.
 *
 *   ask the chain > BEGIN repeatable read, read only > invariants > COMMIT > halt, at once > note it in `audits`
 */
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import type { Logger } from '../../kit/log.ts';
import { CounterFamily, Gauge, type Registry } from '../../kit/metrics.ts';
import { DatabaseSession } from '../database-session.ts';
import type { ReservedConnection } from '../stores/postgres.ts';
import { type AuditReport, runInvariants } from './audit-run.ts';
import type { AuditView, ChainOutputs, ChainWitness } from './audit-view.ts';
import { INVARIANTS, type Invariant } from './invariants.ts';

export interface AuditorOptions {
  /** A role that may read everything and write `audits`: `sluice_auditor` of deploy/roles.sql. */
  readonly databaseUrl: string;
  readonly chain: ChainWitness | undefined;
  /** `payouts.feeKasMax`. */
  readonly feeCapSompi: bigint | undefined;
  /** Journal folders to be held against the tables; read whole each time. */
  readonly journals?: readonly string[];
  /** Unix ms. */
  readonly clock: () => number;
  readonly log: Logger;
  /** Stops payouts; called before anything else is done with a finding. */
  readonly halt: (code: string, reason: string) => Promise<void>;
  readonly registry?: Registry;
}

const MINUTE_MS = 60_000;
/** A full audit once a day. */
export const FULL_INTERVAL_MS = 24 * 60 * MINUTE_MS;
/** Rows are stamped when their transaction begins and seen when it ends: look so much further back. */
const OVERLAP_MS = 2 * MINUTE_MS;
/** 20,000 shares a second are 12 million rows in this time; after a longer pause the rest is the full audit's. */
const SHARES_BACK_MAX_MS = 10 * MINUTE_MS;
/** For one statement. A full audit of a year's ledger is minutes of work, an incremental one must not pile up behind itself. */
const FULL_DEADLINE_MS = 60 * MINUTE_MS;
const INCREMENTAL_DEADLINE_MS = MINUTE_MS;

interface LastAudits {
  /** Of the last clean one. */
  readonly throughId: bigint;
  readonly startedAtMs: number;
  /** Of the last full one, whatever it found; 0 = never. */
  readonly fullAtMs: number;
}

export class Auditor {
  readonly #options: AuditorOptions;
  readonly #counts: CounterFamily | undefined;
  /** Balances found right, and the ledger transaction up to which they were. */
  #balances: { readonly throughId: bigint; readonly byAccount: Map<bigint, bigint> } | undefined;
  #fullAtMs = 0;
  #running: Promise<AuditReport> | undefined;

  constructor(options: AuditorOptions) {
    this.#options = options;
    if (!options.registry) return;
    this.#counts = new CounterFamily(
      options.registry,
      {
        name: 'sluice_audit_violations_total',
        help: 'Rows that broke an invariant of the ledger, by its name.',
      },
      'invariant',
      INVARIANTS.map(({ name }) => name),
    );
    new Gauge(
      options.registry,
      {
        name: 'sluice_audit_full_age_seconds',
        help: 'Time since the last full audit; -1 while there was none.',
      },
      () => (this.#fullAtMs === 0 ? -1 : (options.clock() - this.#fullAtMs) / 1000),
    );
  }

  incremental(): Promise<AuditReport> {
    return this.#alone('incremental');
  }

  full(): Promise<AuditReport> {
    return this.#alone('full');
  }

  /**
   * For a timer: incremental, or full when the last one is a day old. Never throws; a tick that comes while an audit is under way
   * does nothing.
   */
  async tick(): Promise<void> {
    if (this.#running) return;
    try {
      await this.#alone('due');
    } catch (error) {
      this.#options.log.warn({ fault: messageOf(error) }, 'the audit could not be made; it is tried again');
    }
  }

  /** One after the other: they share what is known of the balances. */
  async #alone(scope: 'incremental' | 'full' | 'due'): Promise<AuditReport> {
    while (this.#running) await this.#running.catch(() => {});
    this.#running = this.#audit(scope);
    try {
      return await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  async #audit(wanted: 'incremental' | 'full' | 'due'): Promise<AuditReport> {
    const startedAtMs = this.#options.clock();
    // The full audit's bound also where it may turn out to be incremental: a statement's own time-out is set below.
    const session = await DatabaseSession.open(this.#options.databaseUrl, 'sluice audit', FULL_DEADLINE_MS);
    try {
      const last = await lastAudits(session.sql);
      const full = wanted === 'due' ? startedAtMs - last.fullAtMs >= FULL_INTERVAL_MS : wanted === 'full';
      this.#fullAtMs = full ? startedAtMs : last.fullAtMs;
      if (!full)
        await session.sql`SELECT set_config('statement_timeout', ${String(INCREMENTAL_DEADLINE_MS)}, false)`;
      const chainOutputs = await this.#options.chain?.outputs();
      const report = await this.#look(session.sql, full, last, startedAtMs, chainOutputs);
      await this.#raise(report);
      if (report.unanswered.length > 0 && report.violations.length === 0) {
        throw new EdgeError(
          'SLUICE_NO_NODE',
          `the chain could not be asked: ${report.unanswered.join('; ')}`,
          'Look at the state of the nodes.',
        );
      }
      await note(session.sql, report, startedAtMs);
      return report;
    } finally {
      session.discard();
    }
  }

  async #look(
    sql: ReservedConnection,
    full: boolean,
    last: LastAudits,
    nowMs: number,
    chainOutputs: ChainOutputs | undefined,
  ): Promise<AuditReport> {
    await sql`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`;
    const [head] = await sql<{ id: bigint }[]>`SELECT coalesce(max(id), 0) AS id FROM ledger_transactions`;
    const recentMs = Math.min(last.startedAtMs, nowMs) - OVERLAP_MS;
    const view: AuditView = {
      sql,
      full,
      afterId: full ? 0n : last.throughId,
      throughId: head!.id,
      recentFrom: new Date(full ? 0 : recentMs),
      sharesFrom: new Date(full ? 0 : Math.max(recentMs, nowMs - SHARES_BACK_MAX_MS)),
      feeCapSompi: this.#options.feeCapSompi,
      chain: this.#options.chain,
      journals: this.#options.journals ?? [],
      chainOutputs,
      knownBalances: this.#balances?.throughId === last.throughId ? this.#balances.byAccount : undefined,
    };
    const report = await runInvariants(view);
    if (report.violations.length > 0 || report.unanswered.length > 0) this.#balances = undefined;
    else
      this.#balances = {
        throughId: head!.id,
        byAccount: view.knownBalances && !full ? view.knownBalances : await allBalances(sql),
      };
    await sql`COMMIT`;
    return report;
  }

  /** Before the finding is written down: payouts are to stop within a second, and `audits` can wait. */
  async #raise(report: AuditReport): Promise<void> {
    for (const { invariant, details } of byInvariant(report)) {
      this.#counts?.inc(INVARIANTS.indexOf(invariant), details.length);
      this.#options.log.error(
        { invariant: invariant.name, number: invariant.number, rows: details },
        `the books do not hold: ${invariant.sentence}`,
      );
      if (invariant.class === 'share') continue;
      await this.#options.halt(
        `audit:${invariant.name}`,
        `invariant ${invariant.number}, ${invariant.name}: ${details[0]}`,
      );
    }
  }
}

function byInvariant({ violations }: AuditReport): { invariant: Invariant; details: string[] }[] {
  const found = new Map<Invariant, string[]>();
  for (const { invariant, detail } of violations)
    found.set(invariant, [...(found.get(invariant) ?? []), detail]);
  return [...found].map(([invariant, details]) => ({ invariant, details }));
}

async function lastAudits(sql: ReservedConnection): Promise<LastAudits> {
  const [row] = await sql<{ through_id: bigint; started: number; full_at: number }[]>`
    SELECT coalesce((SELECT through_id FROM audits WHERE violation_count = 0 ORDER BY id DESC LIMIT 1), 0)::bigint AS through_id,
      coalesce((SELECT extract(epoch FROM started_at) FROM audits WHERE violation_count = 0 ORDER BY id DESC LIMIT 1), 0)::float8 AS started,
      coalesce((SELECT extract(epoch FROM started_at) FROM audits WHERE scope = 'full' ORDER BY id DESC LIMIT 1), 0)::float8 AS full_at`;
  return { throughId: row!.through_id, startedAtMs: row!.started * 1000, fullAtMs: row!.full_at * 1000 };
}

async function allBalances(sql: ReservedConnection): Promise<Map<bigint, bigint>> {
  const rows = await sql<
    { id: bigint; balance_sompi: bigint }[]
  >`SELECT id, balance_sompi FROM ledger_accounts`;
  return new Map(rows.map((row) => [row.id, row.balance_sompi]));
}

async function note(sql: ReservedConnection, report: AuditReport, startedAtMs: number): Promise<void> {
  const { scope, throughId, violations } = report;
  const numbers = violations.map(({ invariant }) => String(invariant.number));
  const names = violations.map(({ invariant }) => invariant.name);
  const details = violations.map(({ detail }) => detail);
  // One statement, so that a run without its rows cannot be read.
  await sql`
    WITH audit AS (
      INSERT INTO audits (scope, through_id, started_at, violation_count)
      VALUES (${scope}, ${throughId}, to_timestamp(${startedAtMs / 1000}::float8), ${violations.length}) RETURNING id
    )
    INSERT INTO audit_violations (audit_id, number, name, detail)
    SELECT audit.id, number::smallint, name, detail
    FROM audit, unnest(${numbers}::text[], ${names}::text[], ${details}::text[]) AS v (number, name, detail)`;
}
