/** `sluice ledger rebuild`: does the database say what the journal says? */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { silentLogger } from '../kit/log.ts';
import { type RebuildReport, rebuild } from '../ledger/rebuild/rebuild.ts';
import { toDatabaseError } from '../ledger/stores/postgres.ts';

interface Given {
  readonly config: string;
  readonly from: readonly string[];
  readonly instance?: string;
  readonly day?: number;
  readonly keep?: boolean;
  readonly json?: boolean;
}

const DAY_MS = 86_400_000;

function dayOf(text: string): number {
  const ms = Date.parse(`${text}T00:00:00Z`);
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || Number.isNaN(ms))
    throw new InvalidArgumentError('expected a UTC day such as 2026-06-01');
  return ms;
}

export function addLedgerVerbs(program: Command): void {
  program
    .command('ledger')
    .description('look after the ledger')
    .command('rebuild')
    .description(
      'load the journal anew into an empty schema, compare it with the tables row by row, divide the settlements again; exit code 1 when anything differs',
    )
    .requiredOption('--config <file>', 'configuration that names the database')
    .requiredOption('--from <folder...>', 'journal folders, of all engines that worked at the time')
    .option('--instance <name>', 'whose journal the folder is; by default its segments say so')
    .addOption(new Option('--day <date>', 'compare this UTC day only').argParser(dayOf))
    .option('--keep', 'keep the schema for looking into it')
    .option('--json', 'as JSON')
    .action(async (given: Given) => {
      process.exitCode = await runRebuild(given);
    });
}

async function runRebuild({ config: file, from, instance, day, keep, json }: Given): Promise<number> {
  const url = databaseUrlOf(loadConfig(file), process.env);
  if (url === undefined) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
    );
  }
  if (instance !== undefined && from.length > 1)
    throw new EdgeError('SLUICE_OPTION_INVALID', '--instance names one instance, and --from several folders');
  const schema = `sluice_rebuild_${process.pid}_${Date.now().toString(36)}`;
  try {
    const report = await rebuild({
      databaseUrl: url,
      folders: from,
      instanceName: instance,
      // 2200: as far as a share's time can lie.
      span: day === undefined ? { fromMs: 0, toMs: Date.UTC(2200) } : { fromMs: day, toMs: day + DAY_MS },
      schema,
      keepSchema: keep === true,
      log: silentLogger,
    });
    process.stdout.write(
      json ? `${JSON.stringify(report, null, 2)}\n` : rebuildText(report, keep ? schema : undefined),
    );
    return report.equal ? 0 : 1;
  } catch (error) {
    throw toDatabaseError(error, url);
  }
}

function rebuildText(
  { equal, coverage, tables, settlements }: RebuildReport,
  schema: string | undefined,
): string {
  const lines = [
    equal
      ? 'equal  the database says what the journal says'
      : 'DIFFERENT  database and journal do not say the same',
  ];
  for (const { instanceName, firstSegment, sumsFromMs } of coverage) {
    const from = sumsFromMs === 0 ? '' : `; sums from ${new Date(sumsFromMs).toISOString()} on`;
    lines.push(`instance ${instanceName}: from segment ${firstSegment} on${from}`);
  }
  for (const one of tables) {
    lines.push(`${one.table}: ${one.liveRows} rows, sha256 ${one.liveSha256}`);
    if (one.differing === 0) continue;
    lines.push(
      `${' '.repeat(one.table.length)}  rebuilt: ${one.rebuiltRows} rows, sha256 ${one.rebuiltSha256}; ${one.differing} differ`,
    );
    lines.push(...one.differences.map((difference) => `  ${difference}`));
  }
  lines.push(
    `settlements: ${settlements.replayed} divided again, ${settlements.notCovered} not covered by the journal`,
  );
  lines.push(...settlements.differences.map((difference) => `  ${difference}`));
  if (schema)
    lines.push(`the schema ${schema} is kept; DROP SCHEMA ${schema} CASCADE when it is no longer needed`);
  return `${lines.join('\n')}\n`;
}
