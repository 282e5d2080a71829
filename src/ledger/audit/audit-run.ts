/**
 * One audit over one snapshot: every invariant of the table is asked, none stops the others. In flows a view, out flows a report. It
 * must never take a question that failed for an answer that is good.
 */
import { messageOf } from '../../kit/edge-error.ts';
import { isUnreachable } from '../stores/postgres.ts';
import type { AuditView } from './audit-view.ts';
import { INVARIANTS, type Invariant } from './invariants.ts';

export interface Violation {
  readonly invariant: Invariant;
  readonly detail: string;
}

export interface AuditReport {
  readonly scope: 'incremental' | 'full';
  readonly throughId: bigint;
  readonly violations: readonly Violation[];
  /** Questions that no node answered. Nothing was found there, good or bad; an audit with one of these is not clean. */
  readonly unanswered: readonly string[];
}

/** Thrown by whoever asks the chain. */
const NODE_FAULT = /^SLUICE_(NODE_|NO_NODE$)/;

/** @throws when the database is gone; then nothing was found out. */
export async function runInvariants(
  view: AuditView,
  invariants: readonly Invariant[] = INVARIANTS,
): Promise<AuditReport> {
  const violations: Violation[] = [];
  const unanswered: string[] = [];
  for (const invariant of invariants) {
    if (invariant.scope === 'full' && !view.full) continue;
    for (const detail of await findings(view, invariant, unanswered)) violations.push({ invariant, detail });
  }
  return { scope: view.full ? 'full' : 'incremental', throughId: view.throughId, violations, unanswered };
}

/**
 * A statement that fails spoils the whole transaction; behind a savepoint it spoils itself. A node that restarts in the middle of an
 * audit says nothing of the books, and a latch that it raised would keep everybody unpaid until a person comes.
 */
async function findings(
  view: AuditView,
  invariant: Invariant,
  unanswered: string[],
): Promise<readonly string[]> {
  const { sql } = view;
  await sql`SAVEPOINT invariant`;
  try {
    const found = await invariant.find(view);
    await sql`RELEASE SAVEPOINT invariant`;
    return found;
  } catch (error) {
    if (isUnreachable(error)) throw error;
    await sql`ROLLBACK TO SAVEPOINT invariant`;
    if (NODE_FAULT.test(String((error as { code?: unknown } | null)?.code ?? ''))) {
      unanswered.push(`${invariant.name}: ${messageOf(error)}`);
      return [];
    }
    return [`it cannot be checked: ${messageOf(error)}`];
  }
}

/** `number name: detail` with what to do under the first line of each. */
export function reportText(report: AuditReport, named = 5): string {
  const { scope, throughId, violations } = report;
  const what = `${scope} audit through ledger transaction ${throughId}`;
  if (violations.length === 0) return `clean  ${what}: all invariants hold\n`;
  const lines = [`NOT CLEAN  ${what}`];
  for (const invariant of new Set(violations.map((violation) => violation.invariant))) {
    const details = violations.filter((violation) => violation.invariant === invariant);
    lines.push('', `${invariant.number} ${invariant.name}: not so: ${invariant.sentence}`);
    for (const { detail } of details.slice(0, named)) lines.push(`  ${detail}`);
    if (details.length > named) lines.push(`  and ${details.length - named} more: --json names them`);
    lines.push(`  What to do: ${invariant.remedy}`);
  }
  return `${lines.join('\n')}\n`;
}
