/** What the two closed loops on submissions have in common: three servers under the same load, costs per share, ratios. */
import type { CaseResult, Measure } from './bench-case.ts';
import {
  Contest,
  type ContestOptions,
  cpuPerShare,
  measureOf,
  ratioOf,
  sharesPerSecond,
  type Turn,
  type TurnPlan,
} from './contest.ts';

export async function playSubmissions(
  options: ContestOptions,
  rounds: number,
  plan: TurnPlan,
  progress: (done: number, total: number, text: string) => void,
): Promise<CaseResult> {
  const contest = await Contest.open(options);
  try {
    const played = await contest.play(rounds, plan, progress);
    const all = played.flat();
    return {
      measures: [...costs(played, plan.connections), ...ratios(played)],
      distributions: [],
      checksum: `answered ${all.every((turn) => turn.unanswered === 0)}, refused ${sum(all, (turn) => turn.report.answeredFalse)}`,
      invalid: contest.invalid,
      notes: contest.notes,
    };
  } finally {
    await contest.close();
  }
}

function costs(played: readonly (readonly Turn[])[], connections: number): Measure[] {
  return [
    ...measureOf(played, 'cpu_us_per_share', 'us', 'lower', cpuPerShare),
    ...measureOf(played, 'main_cpu_us_per_share', 'us', 'lower', (turn) => turn.mainCpuUs / turn.answered),
    ...measureOf(played, 'shares_per_second', '/s', 'higher', sharesPerSecond),
    ...measureOf(
      played,
      'jobs_per_miner_per_second',
      '/s',
      'higher',
      (turn) => turn.report.jobs / turn.seconds / connections,
    ),
    ...measureOf(
      played,
      'database_cpu_us_per_share',
      'us',
      'lower',
      (turn) => turn.databaseCpuUs / turn.answered,
    ).filter(({ values }) => values.some((us) => us > 0)),
    ...measureOf(
      played,
      'generator_cpu_us_per_share',
      'us',
      'neither',
      (turn) => turn.generatorCpuUs / turn.report.answeredTrue,
    ),
  ];
}

function ratios(played: readonly (readonly Turn[])[]): Measure[] {
  return [
    ratioOf(played, 'cpu_per_share', 'higher', 'naive', 'engine', cpuPerShare),
    ratioOf(played, 'cpu_per_share_to_limit', 'lower', 'engine', 'limit', cpuPerShare),
    ratioOf(played, 'naive_to_limit', 'neither', 'naive', 'limit', cpuPerShare),
    ratioOf(played, 'shares_per_second', 'higher', 'engine', 'naive', sharesPerSecond),
    ratioOf(played, 'limit_shares_per_second', 'neither', 'limit', 'naive', sharesPerSecond),
  ];
}

function sum(turns: readonly Turn[], read: (turn: Turn) => number): number {
  return turns.reduce((total, turn) => total + read(turn), 0);
}
