/** `sluice miner`: the test miner as a process of its own. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { EdgeError } from '../kit/edge-error.ts';
import { DIALECT_CHOICES } from '../miner/client-profiles.ts';
import { MINER_DEFAULTS, MINER_OPTION_HELP, type MinerOptions, runMiner } from '../miner/miner.ts';
import { onStopRequested, tellParent } from './role-channel.ts';

const STATUS_INTERVAL_MS = 1_000;

interface MinerFlag {
  readonly key: keyof MinerOptions;
  readonly flags: string;
  readonly parse: (text: string) => unknown;
}

const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0)
    throw new InvalidArgumentError('expected a whole number, 0 or more');
  return value;
};
const rate = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new InvalidArgumentError('expected a chance from 0 to 1');
  return value;
};
const text = (value: string): string => value;

const FLAGS: readonly MinerFlag[] = [
  { key: 'host', flags: '--host <host>', parse: text },
  { key: 'port', flags: '--port <port>', parse: count },
  { key: 'dialect', flags: '--dialect <name>', parse: text },
  { key: 'connections', flags: '--connections <n>', parse: count },
  {
    key: 'addresses',
    flags: '--addresses <list>',
    parse: (value) => value.split(',').filter((one) => one !== ''),
  },
  { key: 'network', flags: '--network <id>', parse: text },
  { key: 'workerPrefix', flags: '--worker-prefix <text>', parse: text },
  { key: 'hashesPerSecond', flags: '--hashes-per-second <n>', parse: count },
  { key: 'seconds', flags: '--seconds <n>', parse: count },
  { key: 'inFlightMax', flags: '--in-flight-max <n>', parse: count },
  { key: 'duplicateRate', flags: '--duplicate-rate <chance>', parse: rate },
  { key: 'staleRate', flags: '--stale-rate <chance>', parse: rate },
  { key: 'badRate', flags: '--bad-rate <chance>', parse: rate },
  { key: 'logFile', flags: '--log-file <file>', parse: text },
];

export function addMinerVerb(program: Command): void {
  const verb = program
    .command('miner')
    .description('a test miner: any dialect, any number of connections, real nonces');
  for (const flag of FLAGS) {
    const fallback =
      flag.key === 'port' ? undefined : MINER_DEFAULTS[flag.key as keyof typeof MINER_DEFAULTS];
    const told =
      fallback === undefined || fallback === '' || Array.isArray(fallback) ? '' : ` (default: ${fallback})`;
    const option = new Option(flag.flags, `${MINER_OPTION_HELP[flag.key] ?? ''}${told}`).argParser(
      flag.parse,
    );
    if (flag.key === 'port') option.makeOptionMandatory();
    if (flag.key === 'dialect') option.choices(DIALECT_CHOICES);
    verb.addOption(option);
  }
  verb.option('--strict', MINER_OPTION_HELP.strict);
  verb.option('--json', 'print the final summary as JSON instead of a line');
  verb.action(async (given: Record<string, unknown>) => {
    const options: Record<string, unknown> = {};
    for (const { key } of FLAGS) if (given[key] !== undefined) options[key] = given[key];
    options.strict = given.strict === true;
    process.exitCode = await mine(options as Partial<MinerOptions> & { port: number }, given.json === true);
  });
}

async function mine(given: Partial<MinerOptions> & { port: number }, json: boolean): Promise<number> {
  if (given.port < 1 || given.port > 65_535) {
    throw new EdgeError('SLUICE_OPTION_INVALID', `--port ${given.port} is no port`);
  }
  if (given.strict && (given.duplicateRate || given.staleRate || given.badRate)) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      '--strict takes every refusal for a fault of the server, so it sends no bad shares',
      'Leave out --duplicate-rate, --stale-rate and --bad-rate.',
    );
  }
  const quiet = process.send !== undefined || json;
  const miner = await runMiner({
    ...given,
    onStatus: (line) => {
      if (!quiet) process.stdout.write(`${line}\n`);
    },
  });
  tellParent({ kind: 'ready', info: {} });
  const status = setInterval(() => tellParent({ kind: 'status', info: miner.summary() }), STATUS_INTERVAL_MS);
  onStopRequested(() => void miner.stop());
  const summary = await miner.done;
  clearInterval(status);
  tellParent({ kind: 'final', info: summary });
  if (json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  else if (!process.send) {
    const rejected = JSON.stringify(summary.rejectedByCode);
    process.stdout.write(`sent ${summary.sent}, answered true ${summary.accepted}, rejected ${rejected}\n`);
    if (summary.accepted === 0 && summary.lastFailure !== '')
      process.stdout.write(`${summary.lastFailure}\n`);
    for (const { client, expected, seen } of summary.firstFaults)
      process.stdout.write(`${client}: expected ${expected}, saw ${seen}\n`);
    if (given.strict) process.stdout.write(`faults ${summary.faults}, reconnects ${summary.reconnects}\n`);
  }
  if (process.connected) process.disconnect();
  return summary.faults === 0 && Object.keys(summary.violations).length === 0 ? 0 : 1;
}
