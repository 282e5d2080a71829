/**
 * The settler: divides rewards that are in the books. In flow treasury outputs without a settlement, out flow credits of miners, each
 * division in one transaction and recomputed by SQL before it is kept. It must never divide an output twice, never before its minutes
 * are complete, and never keep a division on which its two makers differ.
 *
 *   unsettled outputs -> groups by pot and unit, in the order of the found minutes
 *     minutes complete? (PROP: all earlier blocks final?) --no--> this pot waits, the others go on
 *     '--> window -> work by account (one query) -> divide -> posting, settlement, parts, mark -> recompute
 *                                                                           differs: undone, and a halt is raised
 */
import { kasOf } from '../../domain/money.ts';
import { targetOfBits, workOfTarget } from '../../domain/target.ts';
import type { Logger } from '../../kit/log.ts';
import type { Lead } from '../lead.ts';
import {
  prepareForSums,
  prepareForWriting,
  SUMS_DEADLINE_MS,
  withFinders,
  workInWindow,
} from '../reward-window.ts';
import { MS_PER_MINUTE, type Span } from '../schemes/scheme.ts';
import type { ReservedConnection } from '../stores/postgres.ts';
import { distrustSpans, spansWithin, sumSpans } from './account-spans.ts';
import {
  completeThrough,
  type InstanceProgress,
  lateInstances,
  readProgress,
  sumMinutes,
} from './loaded-minutes.ts';
import { readPolicies } from './policies.ts';
import {
  type Difference,
  readDifferences,
  readHistory,
  readMinutes,
  writeSettlement,
} from './settlement-store.ts';
import { openBlocks, readUnsettled, type UnsettledGroup } from './unsettled.ts';

export const SETTLEMENT_DIFFERS = 'SETTLEMENT_DIFFERS';
/** More than clocks drift apart in weeks. */
const CLOCK_STEP_MS = 60_000;
/** A tick ends after so many, so that payouts and the audit have their turn. */
const SETTLEMENTS_PER_TICK = 20;

export interface SettlerOptions {
  readonly lead: Lead;
  /** Unix ms. */
  readonly clock: () => number;
  /** Never set by anybody, unlike `clock`; absent: `clock` is one like that. */
  readonly monotonicMs?: () => number;
  readonly log: Logger;
  readonly waitForJournalsMs: number;
}

export interface SettledGroup {
  readonly settlementId: bigint;
  readonly pot: number;
  readonly round: bigint;
  readonly rewardSompi: bigint;
  readonly accounts: number;
}

export interface WaitingGroup {
  readonly pot: number;
  readonly unit: Span;
  readonly reason: 'journals' | 'blocks';
}

export interface SettlerReport {
  readonly settled: readonly SettledGroup[];
  /** The first group of each pot that cannot go on. */
  readonly waiting: readonly WaitingGroup[];
  /** Every minute before it is complete; undefined before the first share. */
  readonly completeThroughMs: number | undefined;
  /** SQL's division of a settlement was another one; nothing is settled until a person has cleared the halt. */
  readonly halted: boolean;
}

export class Settler {
  readonly #options: SettlerOptions;
  /** When engines began to be waited for, by both clocks. */
  #waiting: { readonly sinceMs: number; readonly sinceMonotonicMs: number };

  constructor(options: SettlerOptions) {
    this.#options = options;
    this.#waiting = this.#now();
  }

  async tick(): Promise<SettlerReport> {
    const { lead } = this.#options;
    const nowMs = this.#now().sinceMs;
    const instances = await readProgress(lead.sql);
    const givenUpMs = this.#givenUpMs();
    const throughMs = completeThrough(instances, givenUpMs, nowMs);
    const completeThroughMs = await sumMinutes(lead, throughMs);
    await sumSpans(lead, completeThrough(instances, Number.NEGATIVE_INFINITY, nowMs));
    const report = {
      settled: [] as SettledGroup[],
      waiting: [] as WaitingGroup[],
      completeThroughMs,
      halted: await isHalted(lead.sql),
    };
    if (report.halted) return report;
    const waitingPots = new Set<number>();
    for (const group of await readUnsettled(lead.sql, await readPolicies(lead.sql))) {
      if (report.settled.length >= SETTLEMENTS_PER_TICK) break;
      if (waitingPots.has(group.pot)) continue;
      const reason = await this.#reasonToWait(group, throughMs);
      if (reason) {
        waitingPots.add(group.pot);
        report.waiting.push({ pot: group.pot, unit: group.unit, reason });
        continue;
      }
      const settled = await this.#settle(group, instances);
      if (!settled) return { ...report, halted: true };
      report.settled.push(settled);
    }
    return report;
  }

  /**
   * After a start everybody gets the whole time: engines may have been down as long as the payer was. After a step of the clock as
   * well: a minute of tomorrow that is called complete stays empty for ever, and PPS never pays for it.
   */
  #givenUpMs(): number {
    const { waitForJournalsMs, log } = this.#options;
    const { sinceMs, sinceMonotonicMs } = this.#waiting;
    const now = this.#now();
    const steppedMs = now.sinceMs - sinceMs - (now.sinceMonotonicMs - sinceMonotonicMs);
    if (Math.abs(steppedMs) > CLOCK_STEP_MS) {
      log.warn({ steppedMs }, 'the clock was set: engines are waited for as after a start');
      this.#waiting = now;
    }
    return now.sinceMs >= this.#waiting.sinceMs + waitForJournalsMs
      ? now.sinceMs - waitForJournalsMs
      : Number.NEGATIVE_INFINITY;
  }

  #now(): { readonly sinceMs: number; readonly sinceMonotonicMs: number } {
    const { clock, monotonicMs } = this.#options;
    const sinceMs = clock();
    return { sinceMs, sinceMonotonicMs: monotonicMs?.() ?? sinceMs };
  }

  async #reasonToWait(
    { scheme, pot, unit }: UnsettledGroup,
    throughMs: number,
  ): Promise<WaitingGroup['reason'] | undefined> {
    if (scheme.readsWork && unit.toMs > throughMs) return 'journals';
    if (!scheme.waitsForEarlierBlocks) return undefined;
    const { lead, waitForJournalsMs } = this.#options;
    return (await openBlocks(lead.sql, pot, unit.toMs, waitForJournalsMs)) > 0 ? 'blocks' : undefined;
  }

  /** undefined: the two divisions differ, and a halt stands. */
  #settle(group: UnsettledGroup, instances: readonly InstanceProgress[]): Promise<SettledGroup | undefined> {
    const { lead, log } = this.#options;
    const settle = async (sql: ReservedConnection) => {
      // One snapshot: a late journal may be loading, and both divisions must see the same sums.
      await sql`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`;
      await sql`SAVEPOINT settlement`;
      let reason = '';
      // Sums of ten minutes are a short cut. When the minutes say something else, they are what counts.
      for (const shortCut of [true, false]) {
        const { settled, window, spans } = await this.#divide(sql, group, instances, shortCut);
        const differences = await readDifferences(sql, settled.settlementId);
        if (differences.length === 0) {
          if (!shortCut) await distrustSpans(sql, window.toMs);
          this.#tellSettled(settled);
          return settled;
        }
        reason = reasonOf(group, differences);
        log.warn({ pot: group.pot, reason, shortCut: spans }, 'two divisions of the same rewards differ');
        await sql`ROLLBACK TO SAVEPOINT settlement`;
        if (!spans) break;
      }
      log.fatal({ pot: group.pot, reason }, 'neither of two divisions is kept: payouts are halted');
      await sql`SELECT raise_halt(${SETTLEMENT_DIFFERS}, ${reason}, 'settler')`;
      return undefined;
    };
    return lead.transaction(settle, SUMS_DEADLINE_MS);
  }

  #tellSettled({ settlementId, pot, round, rewardSompi, accounts }: SettledGroup): void {
    this.#options.log.info(
      {
        settlement: String(settlementId),
        pot,
        round: String(round),
        rewardKas: kasOf(rewardSompi),
        accounts,
      },
      'rewards divided',
    );
  }

  async #divide(
    sql: ReservedConnection,
    group: UnsettledGroup,
    instances: readonly InstanceProgress[],
    shortCut: boolean,
  ): Promise<{ settled: SettledGroup; window: Span; spans: Span | undefined }> {
    const { scheme, unit, outputs, pot, policy } = group;
    const history = await readHistory(sql, pot, unit);
    const window = scheme.windowOf({
      unit,
      terms: policy.terms,
      minutes: scheme.readsWork
        ? await readMinutes(sql, pot, { fromMs: unit.toMs - scheme.reachMs(policy.terms), toMs: unit.toMs })
        : [],
      networkWork: workOfTarget(targetOfBits(outputs[0]!.networkBits)),
      previousToMs: history.previousToMs,
    });
    await prepareForSums(sql);
    const spans = shortCut && scheme.readsWork ? await spansWithin(sql, window) : undefined;
    const divided = scheme.divide({
      outputs,
      dustInSompi: history.dustInSompi,
      window,
      terms: policy.terms,
      accounts: scheme.readsWork
        ? await withFinders(
            sql,
            await workInWindow(sql, pot, window, spans),
            outputs.map((output) => output.finderAccountId),
          )
        : [],
    });
    await prepareForWriting(sql);
    const settlementId = await writeSettlement(sql, this.#options.lead.epoch, {
      group,
      history,
      window,
      divided,
      lateInstances: scheme.readsWork ? lateInstances(instances, window.toMs) : [],
    });
    const rewardSompi = outputs.reduce((sum, { amountSompi }) => sum + amountSompi, 0n);
    const accounts = divided.parts.length;
    return { settled: { settlementId, pot, round: history.round, rewardSompi, accounts }, window, spans };
  }
}

async function isHalted(sql: ReservedConnection): Promise<boolean> {
  const rows = await sql`SELECT FROM halts WHERE code = ${SETTLEMENT_DIFFERS} AND cleared_at IS NULL`;
  return rows.length > 0;
}

function reasonOf({ pot, unit }: UnsettledGroup, differences: readonly Difference[]): string {
  const found = differences.map(
    ({ account_id, stored, recomputed }) => `account ${account_id ?? '-'}: ${stored} / ${recomputed}`,
  );
  return `pot ${pot}, blocks from ${new Date(unit.fromMs).toISOString()} to ${new Date(unit.toMs - MS_PER_MINUTE).toISOString()}: ${found.join('; ')}`;
}
