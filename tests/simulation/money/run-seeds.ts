/** Runs seeds one after the other and adds up what happened. */
import type { Sabotage } from './sabotage.ts';
import { type RunReport, World } from './world.ts';

export interface SeedTotals {
  readonly seeds: number;
  payments: number;
  payouts: number;
  reorgs: number;
  deepestReorg: number;
  drops: number;
  timeoutsAfterSuccess: number;
  crashes: number;
  readonly crashesAt: Record<string, number>;
  databaseFaults: number;
  leads: number;
  halts: number;
  conflicts: number;
  readonly failed: RunReport[];
}

export interface SeedOptions {
  readonly first: number;
  readonly count: number;
  readonly sabotage?: Sabotage | undefined;
  readonly onRun?: (report: RunReport) => void;
  /** Ends the runs early. */
  readonly isEnough?: (totals: SeedTotals) => boolean;
}

export async function runSeeds({
  first,
  count,
  sabotage,
  onRun,
  isEnough,
}: SeedOptions): Promise<SeedTotals> {
  const totals: SeedTotals = {
    ...{
      seeds: count,
      payments: 0,
      payouts: 0,
      reorgs: 0,
      deepestReorg: 0,
      drops: 0,
      timeoutsAfterSuccess: 0,
    },
    ...{ crashes: 0, crashesAt: {}, databaseFaults: 0, leads: 0, halts: 0, conflicts: 0, failed: [] },
  };
  for (let seed = first; seed < first + count; seed++) {
    const report = await new World(seed, sabotage).run();
    for (const key of [
      'payments',
      'payouts',
      'reorgs',
      'drops',
      'timeoutsAfterSuccess',
      'databaseFaults',
      'leads',
      'halts',
      'conflicts',
    ] as const)
      totals[key] += report[key];
    totals.deepestReorg = Math.max(totals.deepestReorg, report.deepestReorg);
    for (const [point, times] of Object.entries(report.crashes)) {
      totals.crashesAt[point] = (totals.crashesAt[point] ?? 0) + times;
      totals.crashes += times;
    }
    if (report.violations.length > 0) totals.failed.push(report);
    onRun?.(report);
    if (isEnough?.(totals)) break;
  }
  return totals;
}
