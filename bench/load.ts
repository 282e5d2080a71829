/**
 * The load generator by itself, against any stratum server: `npm run bench -- load --url stratum+tcp://127.0.0.1:5555`.
 *
 * It sends what a server has to answer as fast as it is asked to, so it only goes to this machine unless the one who runs it says
 * that the server is theirs.
 */
import { lookup } from 'node:dns/promises';
import { isIPv4, isIPv6 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { CaseFailed } from './lib/case-run.ts';
import { behindOf, histogramOf, keptSchedule, LoadGenerator, percentilesOf } from './lib/load-generator.ts';
import type { LoadPlan } from './lib/load-messages.ts';
import { figure } from './lib/text-table.ts';

export interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  /** 0 = a closed loop of `depth`. */
  readonly rate: number;
  readonly depth: number;
  readonly seconds: number;
  /** Payout addresses, dealt out in turn. */
  readonly addresses: readonly string[];
  readonly mine: boolean;
}

export interface LoadPlace {
  readonly host: string;
  readonly port: number;
}

/** Resolved here and connected to by address, so that a name cannot mean another place a moment later. Throws RangeError. */
export async function placeOf(url: string, mine: boolean): Promise<LoadPlace> {
  const parts = /^(?:stratum\+tcp:\/\/)?(\[[0-9a-fA-F:]+\]|[^:/\s]+):(\d{1,5})\/?$/.exec(url);
  const port = Number(parts?.[2]);
  if (!parts || port < 1 || port > 65_535)
    throw new RangeError(`--url takes stratum+tcp://HOST:PORT, not "${url}"`);
  const name = parts[1]!.replace(/^\[|\]$/g, '');
  let host: string;
  try {
    host = (await lookup(name)).address;
  } catch (error) {
    throw new RangeError(`"${name}" cannot be resolved: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (!mine && !isLoopback(host)) {
    throw new RangeError(
      `${name} is ${host}, not this machine. Load is only sent to loopback; if that server is yours to load, say --i-own-this-server`,
    );
  }
  return { host, port };
}

export function isLoopback(address: string): boolean {
  if (isIPv4(address)) return address.startsWith('127.');
  if (!isIPv6(address)) return false;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return address === '::1' || (mapped !== undefined && isLoopback(mapped));
}

/**
 * Prints what the load came to. False: the generator did not keep its schedule.
 * @throws RangeError for a place where load may not go, CaseFailed when nobody answers there
 */
export async function runLoad(options: LoadOptions): Promise<boolean> {
  const { host, port } = await placeOf(options.url, options.mine);
  const generator = new LoadGenerator();
  const plan: LoadPlan =
    options.rate > 0
      ? { loop: 'open', sharesPerSecond: options.rate, churnPerSecond: 0 }
      : { loop: 'closed', depth: options.depth, churnPerSecond: 0 };
  try {
    const opened = await generator.open({
      host,
      port,
      connections: options.connections,
      addresses: options.addresses,
    });
    console.log(`${options.connections} miners at ${host}:${port} in ${figure(opened.openedMs)} ms`);
    const before = await generator.start(plan);
    await delay(options.seconds * 1_000);
    const report = await generator.mark();
    const rest = await generator.halt();
    await generator.close();
    const seconds = (report.atMs - before.atMs) / 1_000;
    const { p50Ms, p99Ms, p999Ms, maxMs } = percentilesOf(histogramOf(report.latency));
    console.log(
      `${figure(report.answeredTrue / seconds)} shares/s answered true, ${report.answeredFalse} refused ${JSON.stringify(report.rejected)}, ` +
        `${rest.inFlight} never answered, ${figure(report.jobs / seconds)} jobs/s`,
    );
    const kept = plan.loop !== 'open' || keptSchedule(report);
    if (plan.loop === 'open')
      console.log(
        `from the intended send time: p50 ${figure(p50Ms)} ms, p99 ${figure(p99Ms)}, p99.9 ${figure(p999Ms)}, max ${figure(maxMs)}`,
      );
    if (!kept)
      console.log(`INVALID: ${(behindOf(report) * 100).toFixed(0)} % of the schedule was late or not sent`);
    return kept;
  } catch (error) {
    throw new CaseFailed(1, (error as Error).message);
  } finally {
    await generator.end();
  }
}
