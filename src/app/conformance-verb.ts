/** `sluice conformance`: the checklist of docs/CONFORMANCE.md, asked of any Kaspa stratum server. */
import { isIP } from 'node:net';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type ConformanceReport, POINTS, pointText, runConformance } from '../conformance/conformance.ts';
import { EdgeError } from '../kit/edge-error.ts';

interface Given {
  readonly url: string;
  readonly address: string;
  readonly network: string;
  readonly password: string;
  readonly sharesPerMinute: number;
  readonly storm: number;
  readonly simnode: string;
  readonly networkDifficultyLog2: number;
  readonly metricsUrl: string;
  readonly connectionsMetric: string;
  readonly proxyUrl?: string;
  readonly pid: number;
  readonly thisBuild?: boolean;
  readonly quick?: boolean;
  readonly points?: readonly number[];
  readonly json?: boolean;
  readonly iOwnThisServer?: boolean;
}

/** 2^-16: a share in 65,536 hashes, a twentieth of a second. */
const WORK_PASSWORD = 'd=0.0000152587890625';

function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= min && value <= max))
      throw new InvalidArgumentError(`expected a number from ${min} to ${max}`);
    return value;
  };
}

function pointNumbers(text: string): readonly number[] {
  const numbers = text.split(',').map(Number);
  if (numbers.some((each) => !POINTS.some((point) => point.number === each)))
    throw new InvalidArgumentError('expected numbers of points, such as 1,2,35');
  return numbers;
}

export function addConformanceVerb(program: Command): void {
  program
    .command('conformance')
    .description('sixty points that a Kaspa stratum server should meet, asked of one (docs/CONFORMANCE.md)')
    .requiredOption('--url <url>', 'stratum+tcp://HOST:PORT')
    .option('--address <address>', 'that the server accepts; default: one of nobody, of the network', '')
    .option('--network <id>', 'mainnet, testnet-10, devnet or simnet', 'mainnet')
    .option('--password <text>', 'of sessions that mine: asks for work that a CPU can do', WORK_PASSWORD)
    .addOption(
      new Option('--shares-per-minute <n>', "target of the port's variable difficulty; 0 = not known")
        .default(0)
        .argParser(number(0, 1e6)),
    )
    .addOption(
      new Option('--storm <n>', 'connections of each storm').default(1_000).argParser(number(1, 1e6)),
    )
    .option('--simnode <host:port>', 'control channel of the simulated node behind the server', '')
    .addOption(
      new Option('--network-difficulty-log2 <n>', 'of that node').default(-12).argParser(number(-31, 62)),
    )
    .option('--metrics-url <url>', 'Prometheus page of the server', '')
    .option('--connections-metric <name>', 'gauge of open connections', 'sluice_stratum_connections')
    .option('--proxy-url <url>', 'another port of it, which wants PROXY headers from this machine')
    .addOption(
      new Option('--pid <pid>', 'of the server: it is stopped at the end, to see how it goes')
        .default(0)
        .argParser(number(2, 2 ** 31)),
    )
    .option('--this-build', 'the server is this build: points that no wire shows are asked of its code')
    .option('--quick', 'leave out what takes more than ten seconds')
    .addOption(new Option('--points <list>', 'only these, as 1,2,35').argParser(pointNumbers))
    .option('--json', 'a report for programs')
    .option('--i-own-this-server', 'needed for any server that is not on this machine')
    .action(async (given: Given) => {
      process.exitCode = await examine(given);
    });
}

async function examine(given: Given): Promise<number> {
  const place = placeOf(given.url);
  if (!isThisMachine(place.host) && !given.iOwnThisServer) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      `${place.host} is not this machine, and the checklist sends junk, floods and storms of connections`,
      'With --i-own-this-server you say that you may do that to it.',
    );
  }
  const report = await runConformance({
    place,
    ...{ address: given.address, network: given.network, workPassword: given.password },
    ...{ sharesPerMinute: given.sharesPerMinute, storm: given.storm },
    ...{ simnode: given.simnode, networkDifficultyLog2: given.networkDifficultyLog2 },
    ...{ metricsUrl: given.metricsUrl, connectionsMetric: given.connectionsMetric },
    proxyPlace: given.proxyUrl === undefined ? undefined : placeOf(given.proxyUrl),
    ...{ pid: given.pid, thisBuild: given.thisBuild === true, quick: given.quick === true },
    only: given.points ?? [],
    onPoint: (point) => {
      if (!given.json) process.stdout.write(`${pointText(point)}\n`);
    },
  });
  process.stdout.write(given.json ? `${JSON.stringify(report, null, 2)}\n` : `${lastLine(report)}\n`);
  return report.failed === 0 ? 0 : 1;
}

function lastLine({ server, passed, failed, notApplicable, seconds }: ConformanceReport): string {
  return `${server}: ${passed} passed, ${failed} failed, ${notApplicable} not applicable, ${seconds.toFixed(0)} s`;
}

function placeOf(url: string): { host: string; port: number } {
  const [, host, port] =
    /^(?:stratum\+tcp|tcp):\/\/(\[[0-9a-fA-F:]+\]|[^:/\s]+):(\d{1,5})\/?$/.exec(url) ?? [];
  if (host === undefined || !(Number(port) >= 1 && Number(port) <= 65_535)) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      `${url} is no stratum server`,
      'Say stratum+tcp://HOST:PORT.',
    );
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function isThisMachine(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
