/** `sluice ban add | remove | list`: the operator's bans, in the file that the configuration names. Engines take a change by themselves. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { isOver } from '../stratum/fairness/ban.ts';
import { networkKey } from '../stratum/fairness/networks.ts';
import { addBan, readBans, removeBan } from './ban-file.ts';

interface Where {
  readonly config?: string;
  readonly file?: string;
}

const MS_OF_UNIT: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

export function addBanVerbs(program: Command): void {
  const ban = program.command('ban').description('networks that may not connect');
  verb(ban, 'add', 'ban a network, or change its ban')
    .argument('<network>', 'an address, or a network such as 203.0.113.0/24', network)
    .option('--reason <text>', 'for the log, and for whom it concerns', '')
    .addOption(new Option('--for <time>', 'such as 30m, 12h, 7d; default: for ever').argParser(duration))
    .action((text: string, options: Where & { reason: string; for?: number }) => {
      const nowUnixMs = Date.now();
      const until = options.for === undefined ? {} : { untilUnixMs: nowUnixMs + options.for };
      addBan(fileOf(options), { network: text, reason: options.reason, ...until }, nowUnixMs);
      process.stdout.write(`${text} is banned; engines take it in some seconds, or at SIGHUP at once.\n`);
    });
  verb(ban, 'remove', 'let a network in again')
    .argument('<network>', 'as it was banned, in any spelling', network)
    .action((text: string, options: Where) => {
      if (!removeBan(fileOf(options), text))
        throw new EdgeError('SLUICE_BAN_UNKNOWN', `${text} is not banned`, '`sluice ban list` shows who is');
      process.stdout.write(`${text} may connect again.\n`);
    });
  verb(ban, 'list', 'show all bans')
    .option('--json', 'as JSON')
    .action((options: Where & { json?: boolean }) => {
      const bans = readBans(fileOf(options));
      const nowUnixMs = Date.now();
      const rows = bans.map((one) => ({
        network: one.network,
        until: one.untilUnixMs === undefined ? null : new Date(one.untilUnixMs).toISOString(),
        over: isOver(one, nowUnixMs),
        reason: one.reason,
      }));
      process.stdout.write(
        options.json
          ? `${JSON.stringify(rows, null, 2)}\n`
          : rows
              .map(
                (row) =>
                  `${row.network}  ${row.until ?? 'for ever'}${row.over ? ' (over)' : ''}  ${row.reason}\n`,
              )
              .join(''),
      );
    });
}

function verb(ban: Command, name: string, description: string): Command {
  return ban
    .command(name)
    .description(description)
    .option('--config <file>', 'configuration with stratum.banFile')
    .addOption(new Option('--file <file>', 'the list itself').conflicts('config'));
}

function fileOf({ config, file }: Where): string {
  const named = file ?? (config === undefined ? undefined : loadConfig(config).stratum.banFile);
  if (named !== undefined) return named;
  throw new EdgeError(
    'SLUICE_OPTION_INVALID',
    'no list of bans is named',
    'give --file, or --config with a configuration that has stratum.banFile',
  );
}

function network(text: string): string {
  if (networkKey(text) === undefined)
    throw new InvalidArgumentError('expected an IP address or a network such as 203.0.113.0/24');
  return text;
}

function duration(text: string): number {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined || Number(count) === 0)
    throw new InvalidArgumentError('expected a time such as 30m, 12h or 7d');
  return Number(count) * MS_OF_UNIT[unit]!;
}
