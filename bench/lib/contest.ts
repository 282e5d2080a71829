/**
 * Servers in turns: naive, engine, limit; limit, engine, naive; and so on, under the same load from the same generator.
 *
 * All processes live through the whole run, since a fresh one would spend its first seconds compiling; but only the one whose
 * turn it is has connections. What the others do meanwhile (random headers in one, templates of its node in another) is their
 * own CPU and is not charged to anybody.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Histogram } from 'hdr-histogram-js';
import type { Measure } from './bench-case.ts';
import { LOAD_CORE, pinToCore, SERVER_CORE } from './core-pin.ts';
import { type EngineOptions, minerAddresses, startEngine } from './engine-under-test.ts';
import { startLimit } from './limit-under-test.ts';
import { behindOf, histogramOf, keptSchedule, LoadGenerator } from './load-generator.ts';
import type { LoadPlan, LoadReport, LoadTarget } from './load-messages.ts';
import { type NaiveOptions, startNaive } from './naive-under-test.ts';
import type { ServerName, ServerUnderTest } from './server-under-test.ts';

export interface ContestOptions extends EngineOptions, NaiveOptions {
  readonly servers: readonly ServerName[];
  /** The whole server on one core, its load on another. */
  readonly oneCore: boolean;
}

export interface TurnPlan {
  readonly connections: number;
  readonly seconds: number;
  /** Before it, counted by nobody: code is compiled, congestion windows open. */
  readonly warmUpSeconds: number;
  readonly load: LoadPlan;
  readonly target?: Partial<LoadTarget>;
  /** While the load runs; its answer lies in the turn. */
  readonly meanwhile?: (server: ServerUnderTest) => Promise<number>;
}

/** What one server did in one turn. */
export interface Turn {
  readonly server: ServerName;
  readonly seconds: number;
  readonly report: LoadReport;
  /** Answered `true` from the end of the warm-up to the last answer. */
  readonly answered: number;
  readonly jobs: number;
  /** From the end of the warm-up until all that the answers left behind was done. */
  readonly cpuUs: number;
  readonly mainCpuUs: number;
  readonly databaseCpuUs: number;
  readonly generatorCpuUs: number;
  /** Submissions that were never answered. */
  readonly unanswered: number;
  readonly meanwhile: number;
}

export class Contest {
  readonly servers: readonly ServerUnderTest[];
  readonly generator: LoadGenerator;
  /** Why nothing that it says counts. */
  readonly invalid: string[] = [];

  private constructor(servers: readonly ServerUnderTest[], generator: LoadGenerator) {
    this.servers = servers;
    this.generator = generator;
  }

  static async open(options: ContestOptions): Promise<Contest> {
    const servers: ServerUnderTest[] = [];
    try {
      for (const name of options.servers) servers.push(await start(name, options));
    } catch (error) {
      for (const server of servers) await server.stop();
      throw error;
    }
    const contest = new Contest(servers, new LoadGenerator());
    if (options.oneCore) {
      const pins = servers.map((server) => pinToCore(server.pid, SERVER_CORE));
      const fault = [...pins, pinToCore(contest.generator.pid, LOAD_CORE)].find((one) => one !== '');
      if (fault !== undefined) contest.invalid.push(fault);
    }
    return contest;
  }

  get notes(): string[] {
    return this.servers.map((server) => server.note).filter((note) => note !== '');
  }

  /**
   * Rounds with the order turned round each time, so that what drifts favours nobody. A turn of each before the first is for the
   * compiler: what a server costs in its first seconds is not what it costs.
   */
  async play(
    rounds: number,
    plan: TurnPlan,
    progress: (done: number, total: number, text: string) => void,
  ): Promise<Turn[][]> {
    const total = (rounds + 1) * this.servers.length;
    let done = 0;
    const played: Turn[][] = [];
    for (let round = -1; round < rounds; round++) {
      const turns: Turn[] = [];
      for (const server of round % 2 === 0 ? this.servers : this.servers.toReversed()) {
        const turn = await this.playTurn(server, plan);
        if (round >= 0) this.check(turn, plan);
        turns.push(turn);
        progress(
          ++done,
          total,
          `${round < 0 ? 'warm-up' : `round ${round + 1}`}, ${server.name}: ${told(turn)}`,
        );
      }
      if (round >= 0) played.push(turns);
    }
    return played;
  }

  async playTurn(server: ServerUnderTest, plan: TurnPlan): Promise<Turn> {
    const { generator } = this;
    const { connections } = plan;
    await generator.open({
      host: '127.0.0.1',
      port: server.port,
      connections,
      addresses: minerAddresses(),
      ...plan.target,
    });
    await generator.start(plan.load);
    await delay(plan.warmUpSeconds * 1_000);
    const before = await generator.mark();
    const cpuUs = server.cpuUs();
    const mainCpuUs = server.mainCpuUs();
    const databaseCpuUs = server.databaseCpuUs();
    const [, meanwhile] = await Promise.all([delay(plan.seconds * 1_000), plan.meanwhile?.(server) ?? 0]);
    const report = await generator.mark();
    const rest = await generator.halt();
    await generator.close();
    // The loader is a quarter of a second behind at most while it keeps up. If it does not, this is where it shows.
    await server.settled();
    return {
      server: server.name,
      seconds: (report.atMs - before.atMs) / 1_000,
      report,
      answered: report.answeredTrue + rest.answeredTrue,
      jobs: report.jobs + rest.jobs,
      cpuUs: server.cpuUs() - cpuUs,
      mainCpuUs: server.mainCpuUs() - mainCpuUs,
      databaseCpuUs: server.databaseCpuUs() - databaseCpuUs,
      generatorCpuUs: report.cpuUs - before.cpuUs,
      unanswered: rest.inFlight,
      meanwhile,
    };
  }

  async close(): Promise<void> {
    await this.generator.end();
    for (const server of this.servers) await server.stop();
  }

  /** Notes what would make the engine's figures mean nothing. That a naive server cannot carry a load is a finding. */
  check({ server, report, unanswered }: Turn, plan: TurnPlan): void {
    if (plan.load.loop === 'open' && !keptSchedule(report) && report.late > report.shed)
      this.invalid.push(
        `${server}: the generator fell behind its schedule by ${(behindOf(report) * 100).toFixed(0)} %`,
      );
    if (server !== 'engine') return;
    if (unanswered > 0) this.invalid.push(`${unanswered} submissions were not answered`);
    if (report.answeredFalse > 0)
      this.invalid.push(`${report.answeredFalse} shares were refused: ${JSON.stringify(report.rejected)}`);
  }
}

function start(name: ServerName, options: ContestOptions): Promise<ServerUnderTest> {
  if (name === 'engine') return startEngine(options);
  return name === 'naive' ? startNaive(options) : startLimit(options);
}

function told(turn: Turn): string {
  const rate = turn.report.answeredTrue / turn.seconds;
  if (turn.answered > 0)
    return `${(turn.cpuUs / turn.answered).toFixed(2)} us a share, ${rate.toFixed(0)} shares/s`;
  return `${(turn.jobs / turn.seconds).toFixed(0)} jobs/s`;
}

/** One measure per server, from its turns: `engine.cpu_us_per_share`. */
export function measureOf(
  played: readonly (readonly Turn[])[],
  what: string,
  unit: string,
  better: Measure['better'],
  read: (turn: Turn) => number,
): Measure[] {
  return played[0]!.map(({ server }) => ({
    name: `${server}.${what}`,
    unit,
    better,
    values: played.map((turns) => read(turnOf(turns, server))),
  }));
}

/** `above` over `below`, within each round. */
export function ratioOf(
  played: readonly (readonly Turn[])[],
  name: string,
  better: Measure['better'],
  above: ServerName,
  below: ServerName,
  read: (turn: Turn) => number,
): Measure {
  const values = played.map((turns) => read(turnOf(turns, above)) / read(turnOf(turns, below)));
  return { name: `ratio.${name}`, unit: '', better, values };
}

export function turnOf(turns: readonly Turn[], server: ServerName): Turn {
  const turn = turns.find((one) => one.server === server);
  if (turn === undefined) throw new Error(`${server} had no turn`);
  return turn;
}

/** All rounds of one server in one histogram. */
export function mergedHistogram(
  played: readonly (readonly Turn[])[],
  server: ServerName,
  read: (report: LoadReport) => string,
): Histogram {
  const [first, ...rest] = played.map((turns) => histogramOf(read(turnOf(turns, server).report)));
  for (const histogram of rest) first!.add(histogram);
  return first!;
}

export function cpuPerShare(turn: Turn): number {
  return turn.cpuUs / turn.answered;
}

export function sharesPerSecond(turn: Turn): number {
  return turn.report.answeredTrue / turn.seconds;
}
