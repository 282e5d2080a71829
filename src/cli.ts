/**
 * The verbs. Each option is parsed and refused here; what a verb does stands in `app/`. Exit codes: 0 done, 1 failed or not
 * equal, 2 wrong usage or configuration, 3 something it depends on is down.
 */
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { addAccountVerbs } from './app/account-verbs.ts';
import { runApi } from './app/api-role.ts';
import { addAuditVerb } from './app/audit-verb.ts';
import { addBackupVerbs } from './app/backup-verbs.ts';
import { addBanVerbs } from './app/ban-verbs.ts';
import { addBlocksVerb } from './app/blocks-verb.ts';
import { addCapacityVerb } from './app/capacity-verb.ts';
import { addConfigVerbs } from './app/config-verbs.ts';
import { addConformanceVerb } from './app/conformance-verb.ts';
import { runDemo } from './app/demo.ts';
import { addDoctorVerb } from './app/doctor-verb.ts';
import type { EdgePlace } from './app/edge-config.ts';
import { runEdges } from './app/edges.ts';
import { addJournalVerbs } from './app/journal-verbs.ts';
import { addLedgerVerbs } from './app/ledger-verbs.ts';
import { runMigrate } from './app/migrate-role.ts';
import { addMinerVerb } from './app/miner-role.ts';
import { runPayer } from './app/payer.ts';
import { addPayoutVerbs } from './app/payout-verbs.ts';
import { addReserveVerb } from './app/reserve-verb.ts';
import { addRewardsVerb } from './app/rewards-verb.ts';
import { runServe } from './app/serve.ts';
import { addSimnodeVerb } from './app/simnode-role.ts';
import { addStatusVerb } from './app/status-verb.ts';
import { EdgeError, messageOf } from './kit/edge-error.ts';
import { projectPath } from './kit/project-root.ts';

const USAGE_CODES = new Set([
  'SLUICE_CONFIG_INVALID',
  'SLUICE_CONFIG_UNREADABLE',
  'SLUICE_OPTION_INVALID',
  'SLUICE_EDGES',
  'SLUICE_SIMNODE_OPTION',
  'SLUICE_NETWORK_UNKNOWN',
  'SLUICE_PAY_ADDRESS',
  'SLUICE_KEY_FILE',
  'SLUICE_KEY_ADDRESS',
  'SLUICE_KEY_ENVIRONMENT',
  'SLUICE_OPERATOR_TOKEN',
  'SLUICE_OPERATOR_REFUSED',
]);
const DEPENDENCY_CODES = new Set([
  'SLUICE_DATABASE_UNREACHABLE',
  'SLUICE_NODE_UNREACHABLE',
  'SLUICE_PORT_IN_USE',
  'SLUICE_OPERATOR_UNREACHABLE',
]);

/** One engine process uses a core and a half; no machine of today has room for more. */
const EDGES_MAX = 64;

function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= min && value <= max)) {
      throw new InvalidArgumentError(`expected a number from ${min} to ${max}`);
    }
    return value;
  };
}

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = number(min, max)(text);
    if (!Number.isInteger(value)) throw new InvalidArgumentError('expected a whole number');
    return value;
  };
}

/** `2/4`: the second of four. */
function edgePlace(text: string): EdgePlace {
  const [, place, of] = /^(\d{1,2})\/(\d{1,2})$/.exec(text) ?? [];
  if (!(Number(place) >= 1 && Number(place) <= Number(of))) throw new InvalidArgumentError('expected N/K');
  return { number: Number(place), of: Number(of) };
}

function addServeVerb(program: Command): void {
  program
    .command('serve')
    .description('the engine: real nodes, a real PostgreSQL, real miners')
    .requiredOption('--config <file>', 'configuration; `sluice config example` prints one')
    .addOption(
      new Option(
        '--edges <n>',
        'so many engines behind the same ports, each with a journal of its own; they meet in the database',
      ).argParser(whole(1, EDGES_MAX)),
    )
    .addOption(
      new Option(
        '--edge <place>',
        'only the second of four: 2/4, where systemd starts each by itself (deploy/systemd/sluice@.service)',
      )
        .argParser(edgePlace)
        .conflicts('edges'),
    )
    .action(async (options: { config: string; edges?: number; edge?: EdgePlace }) => {
      process.exitCode =
        options.edges === undefined
          ? await runServe(options.config, options.edge)
          : await runEdges(options.config, options.edges);
    });
}

function addApiVerb(program: Command): void {
  program
    .command('api')
    .description('pages and JSON interface in a process of their own, of all engines together (docs/API.md)')
    .requiredOption('--config <file>', 'the configuration of the engines')
    .action(async (options: { config: string }) => {
      process.exitCode = await runApi(options.config);
    });
}

function addPayerVerb(program: Command): void {
  program
    .command('payer')
    .description(
      'keeps the books and pays: the one process that writes money and has the key (docs/PAYOUTS.md)',
    )
    .requiredOption('--config <file>', 'the configuration of the engine')
    .action(async (options: { config: string }) => {
      process.exitCode = await runPayer(options.config);
    });
}

/** For a test, too, which holds the documents against it. */
export function buildProgram(): Command {
  const { version } = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { version: string };
  const program = new Command('sluice')
    .description(
      'A share engine for mining pools: stratum in, durable shares, blocks and exact accounting out.',
    )
    .version(version)
    .showHelpAfterError('(`sluice help COMMAND` tells more)')
    .showSuggestionAfterError(true);

  program
    .command('demo')
    .description('the whole pool on this machine: embedded PostgreSQL, simulated Kaspa node, engine, miners')
    .addOption(new Option('--seconds <n>', 'stop by itself after so many seconds').argParser(number(1, 1e7)))
    .addOption(new Option('--summary <file>', 'write a JSON summary there at the end'))
    .addOption(new Option('--data <folder>', 'where database, journal and logs are kept').default('.sluice'))
    .addOption(
      new Option('--stratum-port <port>', 'first choice; another is taken when it is in use')
        .default(5555)
        .argParser(number(0, 65_535)),
    )
    .addOption(
      new Option('--http-port <port>', 'first choice; another is taken when it is in use')
        .default(8080)
        .argParser(number(0, 65_535)),
    )
    .addOption(new Option('--miners <n>', 'built-in miners').default(4).argParser(number(0, 1000)))
    .addOption(
      new Option('--hashrate <n>', 'hashes per second of each built-in miner')
        .default(60_000)
        .argParser(number(1, 1e8)),
    )
    .addOption(
      new Option('--difficulty-log2 <n>', 'share difficulty of the demo port, 2^n')
        .default(-16)
        .argParser(number(-31, 40)),
    )
    .action(async (options) => {
      process.exitCode = await runDemo(options);
    });

  addServeVerb(program);

  program
    .command('migrate')
    .description('bring the database schema up to date, or look at it')
    .requiredOption('--config <file>', 'configuration that names the database')
    .option('--status', 'look, change nothing')
    .action(async (options: { config: string; status?: boolean }) => {
      process.exitCode = await runMigrate(options.config, options.status === true);
    });

  addCapacityVerb(program);
  addSimnodeVerb(program);
  addMinerVerb(program);
  addConformanceVerb(program);
  addConfigVerbs(program);
  addStatusVerb(program);
  addDoctorVerb(program);
  addBanVerbs(program);
  addJournalVerbs(program);
  addRewardsVerb(program);
  addBlocksVerb(program);
  addAuditVerb(program);
  addLedgerVerbs(program);
  addBackupVerbs(program);
  addReserveVerb(program);
  addApiVerb(program);
  addPayerVerb(program);
  addPayoutVerbs(program);
  addAccountVerbs(program);
  return program;
}

/** Commander would end the process itself, with 1 whatever the fault. */
function overrideExit(command: Command): void {
  command.exitOverride();
  for (const one of command.commands) overrideExit(one);
}

/** User faults are told in sentences, everything else with its stack: that one is ours. */
function tellFault(error: unknown): number {
  if (!(error instanceof EdgeError)) {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}\n`);
    return 1;
  }
  process.stderr.write(`${error.message}\n${error.remedy ? `  ${error.remedy}\n` : ''}  [${error.code}]\n`);
  if (USAGE_CODES.has(error.code)) return 2;
  return DEPENDENCY_CODES.has(error.code) ? 3 : 1;
}

try {
  const program = buildProgram();
  overrideExit(program);
  await program.parseAsync();
} catch (error) {
  const code = (error as { code?: unknown }).code;
  // Commander has printed help, version or the usage fault already.
  if (typeof code === 'string' && code.startsWith('commander.')) {
    process.exitCode = (error as { exitCode?: number }).exitCode === 0 ? 0 : 2;
  } else process.exitCode = tellFault(error);
}
