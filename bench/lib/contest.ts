/**
 * The two servers and the generator of one contest, started once and kept: A B, B A, A B, ...
 *
 * Both processes live through the whole run, since a fresh one would spend its first seconds compiling; but only the one whose
 * turn it is has connections. What the other does meanwhile (random headers in one, templates of its node in the other) is its
 * own CPU and is not charged to anybody.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CaseOutput } from './case-output.ts';
import { minerAddresses, startEngine } from './engine-under-test.ts';
import { LoadGenerator } from './load-generator.ts';
import type { LoadPlan, LoadReport } from './load-messages.ts';
import { startNaive } from './naive-under-test.ts';
import type { ServerUnderTest } from './server-under-test.ts';

export interface TurnPlan {
  readonly connections: number;
  readonly seconds: number;
  /** Before it, counted by nobody: code is compiled, congestion windows open. */
  readonly warmUpSeconds: number;
  readonly load: LoadPlan;
}

/** What one server did in one turn. */
export interface Turn {
  readonly server: 'engine' | 'naive';
  readonly seconds: number;
  readonly report: LoadReport;
  /** From the end of the warm-up until all that the answers left behind was done, per share answered `true` in that time. */
  readonly cpuUsPerShare: number;
  readonly databaseCpuUsPerShare: number;
  readonly generatorCpuUsPerShare: number;
}

export interface Contest {
  readonly servers: readonly ServerUnderTest[];
  play(server: ServerUnderTest, plan: TurnPlan): Promise<Turn>;
  stop(): Promise<void>;
}

export async function startContest(jobsPerSecond: number, output: CaseOutput): Promise<Contest> {
  output.progress('starting PostgreSQL, simulated node, engine, naive server ...');
  const naive = await startNaive({ jobsPerSecond });
  const engine = await startEngine({ jobsPerSecond }).catch(async (error: unknown) => {
    await naive.stop();
    throw error;
  });
  const generator = new LoadGenerator();
  return {
    servers: [naive, engine],
    play: (server, plan) => playTurn(generator, server, plan),
    stop: async () => {
      await generator.end();
      await naive.stop();
      await engine.stop();
    },
  };
}

/**
 * Rounds with the order turned round each time, so that what drifts favours nobody. A turn of each before the first is for the
 * compiler: what a server costs in its first seconds is not what it costs.
 */
export async function playRounds(
  contest: Contest,
  rounds: number,
  plan: TurnPlan,
  onTurn: (turn: Turn, round: number) => void,
): Promise<Turn[][]> {
  for (const server of contest.servers) await contest.play(server, plan);
  const played: Turn[][] = [];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? contest.servers : contest.servers.toReversed();
    const turns: Turn[] = [];
    for (const server of order) {
      const turn = await contest.play(server, plan);
      turns.push(turn);
      onTurn(turn, round);
    }
    played.push(turns);
  }
  return played;
}

async function playTurn(generator: LoadGenerator, server: ServerUnderTest, plan: TurnPlan): Promise<Turn> {
  const addresses = minerAddresses();
  await generator.open({ host: '127.0.0.1', port: server.port, connections: plan.connections, addresses });
  await generator.start(plan.load);
  await delay(plan.warmUpSeconds * 1_000);
  const before = await generator.mark();
  const cpuBefore = server.cpuUs();
  const databaseBefore = server.databaseCpuUs();
  await delay(plan.seconds * 1_000);
  const report = await generator.mark();
  const rest = await generator.halt();
  if (rest.inFlight > 0) throw new Error(`${server.name} left ${rest.inFlight} submissions unanswered`);
  await generator.close();
  // The loader is a quarter of a second behind at most while it keeps up. If it does not, this is where it shows.
  await server.settled();
  const answered = report.answeredTrue + rest.answeredTrue;
  return {
    server: server.name,
    seconds: (report.atMs - before.atMs) / 1_000,
    report,
    cpuUsPerShare: (server.cpuUs() - cpuBefore) / answered,
    databaseCpuUsPerShare: (server.databaseCpuUs() - databaseBefore) / answered,
    generatorCpuUsPerShare: (report.cpuUs - before.cpuUs) / report.answeredTrue,
  };
}

export function turnOf(turns: readonly Turn[], server: Turn['server']): Turn {
  return turns.find((turn) => turn.server === server)!;
}
