/**
 * What a person asks of a payer that runs: rows of `payout_requests`. In flow verbs, out flow what became of them. The terminal
 * has no lead, so it writes a row and waits; the payer does what stands there between two ticks.
 */
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import type { Lead } from '../ledger/lead.ts';
import { type Order, obey } from '../ledger/settlement/operator-orders.ts';
import type { Database, ReservedConnection } from '../ledger/stores/postgres.ts';
import { notCancellable } from './payout-store.ts';

export interface PayoutRequest {
  readonly verb: 'run' | 'cancel' | 'order';
  /** Of `cancel` only. */
  readonly payoutId?: bigint;
  /** Of `order` only. */
  readonly order?: Order;
  readonly reason: string;
  readonly requestedBy: string;
}

/** Unanswered for so long, a request is void: whoever asked has gone home, and the world has changed. */
const VALID_FOR = '5 minutes';
const POLL_MS = 200;

/** Asks and waits. Rejects with SLUICE_PAYER_SILENT when nobody answered in time. */
export async function askPayer(sql: Database, request: PayoutRequest, patienceMs: number): Promise<string> {
  const payoutId = request.payoutId ?? null;
  const order = request.order ? JSON.stringify(request.order) : null;
  const [row] = await sql<{ id: bigint }[]>`
    INSERT INTO payout_requests (verb, payout_id, order_text, reason, requested_by)
    SELECT ${request.verb}, ${payoutId}::bigint, ${order}::text::jsonb, ${request.reason}, ${request.requestedBy}
    WHERE ${payoutId}::bigint IS NULL OR EXISTS (SELECT FROM payouts WHERE id = ${payoutId}::bigint)
    RETURNING id`;
  if (!row) throw notCancellable(request.payoutId!, undefined);
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const [answer] = await sql<{ outcome: string | null }[]>`
      SELECT outcome FROM payout_requests WHERE id = ${row.id}`;
    if (answer?.outcome) return answer.outcome;
  }
  // Taken back, so that it is not done behind the back of who has given up on it. What was answered meanwhile stands.
  const [late] = await sql<{ outcome: string }[]>`
    WITH taken_back AS (
      UPDATE payout_requests SET done_at = now(), outcome = 'taken back: nobody answered in time'
      WHERE id = ${row.id} AND done_at IS NULL RETURNING id
    ) SELECT outcome FROM payout_requests WHERE id = ${row.id} AND NOT EXISTS (SELECT FROM taken_back)`;
  if (late) return late.outcome;
  throw new EdgeError(
    'SLUICE_PAYER_SILENT',
    'somebody has the lead and did not answer; the request was taken back',
    'Look with sluice payout status.',
  );
}

export class RequestDesk {
  readonly #cancelPayout: (id: bigint, reason: string) => Promise<void>;
  readonly #lead: Lead;

  constructor(cancelPayout: (id: bigint, reason: string) => Promise<void>, lead: Lead) {
    this.#cancelPayout = cancelPayout;
    this.#lead = lead;
  }

  #sql(): ReservedConnection {
    return this.#lead.sql;
  }

  /** Does what was asked. Gives the ids of requests for a round; they are answered when it is over. */
  async takeUp(): Promise<readonly bigint[]> {
    await this.#sql()`
      UPDATE payout_requests SET done_at = now(), outcome = 'too old: nobody took it up in time'
      WHERE done_at IS NULL AND requested_at < now() - ${VALID_FOR}::text::interval`;
    const open = await this.#sql()<
      {
        id: bigint;
        verb: PayoutRequest['verb'];
        payout_id: bigint | null;
        order_text: string | null;
        reason: string;
        requested_by: string;
      }[]
    >`SELECT id, verb, payout_id, order_text::text, reason, requested_by FROM payout_requests WHERE done_at IS NULL ORDER BY id`;
    const rounds: bigint[] = [];
    for (const request of open) {
      if (request.verb === 'run') rounds.push(request.id);
      else if (request.verb === 'order')
        await this.answer([request.id], await this.#obey(request.id, request.order_text!));
      else await this.answer([request.id], await this.#cancel(request));
    }
    return rounds;
  }

  async answer(ids: readonly bigint[], outcome: string): Promise<void> {
    for (const id of ids)
      await this.#sql()`UPDATE payout_requests SET done_at = now(), outcome = ${outcome} WHERE id = ${id}`;
  }

  /** Killed between the deed and the answer, it is done again: its number is in its key, so it moves nothing twice. */
  async #obey(id: bigint, orderText: string): Promise<string> {
    try {
      return await obey(this.#lead, JSON.parse(orderText) as Order, `request:${id}`);
    } catch (error) {
      if (
        error instanceof EdgeError &&
        /^SLUICE_(OUTPOINT|BLOCK_UNKNOWN|ACCOUNT_UNKNOWN|FEES_SHORT)$/.test(error.code)
      )
        return `not done: ${messageOf(error)}`;
      if ((error as { code?: unknown }).code === '23514') return 'not done: there is not so much to take';
      throw error;
    }
  }

  async #cancel(request: {
    payout_id: bigint | null;
    reason: string;
    requested_by: string;
  }): Promise<string> {
    const id = request.payout_id!;
    try {
      await this.#cancelPayout(id, `${request.reason} (${request.requested_by})`);
      return `payout ${id} is cancelled; its payees have their balances back`;
    } catch (error) {
      if (error instanceof EdgeError && /^SLUICE_(PAYOUT_|NODE_|NO_NODE)/.test(error.code))
        return `not done: ${messageOf(error)}`;
      throw error;
    }
  }
}
