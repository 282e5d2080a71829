/** `sluice blocks list|show|red`: what became of found blocks, and why some were not paid. Looks, and changes nothing. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { kasOf } from '../domain/money.ts';
import { EdgeError } from '../kit/edge-error.ts';
import {
  type BlockDetail,
  type BlockLine,
  listBlocks,
  type RedReport,
  redBlocks,
  showBlock,
} from '../ledger/block-report.ts';
import { type Database, openDatabase, toDatabaseError } from '../ledger/stores/postgres.ts';

interface Given {
  readonly config: string;
  readonly limit: number;
  readonly days: number;
  readonly json?: boolean;
}

const LIMIT_MAX = 10_000;
const DAYS_MAX = 3_650;
const HASH_DIGITS_SHOWN = 12;

function whole(max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > max)
      throw new InvalidArgumentError(`expected a whole number from 1 to ${max}`);
    return value;
  };
}

function hashOf(text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new InvalidArgumentError('expected 64 hex digits');
  return text.toLowerCase();
}

export function addBlocksVerb(program: Command): void {
  const blocks = program.command('blocks').description('found blocks, their fate and their reward');
  const verb = (name: string, description: string): Command =>
    blocks
      .command(name)
      .description(description)
      .requiredOption('--config <file>', 'configuration that names the database')
      .option('--json', 'as JSON; amounts in sompi as strings');
  const limit = () =>
    new Option('--limit <n>', 'so many at most, newest first').default(50).argParser(whole(LIMIT_MAX));
  verb('list', 'the last blocks: state, reward, effort')
    .addOption(limit())
    .action((given: Given) => run(given, (sql) => listBlocks(sql, given.limit), listText));
  verb('show', 'one block: its way, its outputs, and what was out of line')
    .argument('<hash>', 'of the block', hashOf)
    .action((hash: string, given: Given) => run(given, (sql) => oneBlock(sql, hash), detailText));
  verb('red', 'why blocks were merged red, which is to say not paid')
    .addOption(limit())
    .addOption(new Option('--days <n>', 'back from now').default(7).argParser(whole(DAYS_MAX)))
    .action((given: Given) => run(given, (sql) => redBlocks(sql, given.days, given.limit), redText));
}

async function run<T>(
  { config: file, json }: Given,
  ask: (sql: Database) => Promise<T>,
  textOf: (answer: T) => string,
): Promise<void> {
  const url = databaseUrlOf(loadConfig(file), process.env);
  if (url === undefined) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
    );
  }
  const sql = openDatabase(url, { max: 1, applicationName: 'sluice blocks' });
  try {
    const answer = await ask(sql);
    process.stdout.write(
      json
        ? `${JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)}\n`
        : textOf(answer),
    );
  } catch (error) {
    throw toDatabaseError(error, url);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function oneBlock(sql: Database, hash: string): Promise<BlockDetail> {
  const block = await showBlock(sql, hash);
  if (block) return block;
  throw new EdgeError(
    'SLUICE_BLOCK_UNKNOWN',
    `no block of this pool has the hash ${hash}`,
    '`sluice blocks list` has them all.',
  );
}

function listText(lines: readonly BlockLine[]): string {
  if (lines.length === 0) return 'no block was found yet\n';
  const rows = lines.map((line) =>
    [
      line.foundAt.slice(0, 19).replace('T', ' '),
      line.blockHash.slice(0, HASH_DIGITS_SHOWN),
      line.state.padEnd(9),
      line.colour.padEnd(7),
      line.scheme.padEnd(6),
      (line.rewardSompi === undefined ? '?' : kasOf(line.rewardSompi)).padStart(16),
      percent(line.effort).padStart(8),
      `${line.address}${line.workerName === '' ? '' : `.${line.workerName}`}`,
    ].join('  '),
  );
  return `${['found (UTC)          block         state      colour   scheme        reward KAS    effort  finder', ...rows].join('\n')}\n`;
}

function detailText(block: BlockDetail): string {
  const known = (value: number | undefined, unit: string) =>
    value === undefined ? 'unknown' : `${Math.round(value * 10) / 10} ${unit}`;
  const lines: [string, string][] = [
    ['block', block.blockHash],
    ['found', `${block.foundAt} by ${block.address} ${block.workerName}`.trimEnd()],
    ['instance', `${block.instance}, scheme ${block.scheme}, DAA score ${block.daaScore}`],
    ['state', `${block.state}, ${block.colour}${block.deep ? ', final' : ''}`],
    ['merged by', block.mergingBlock || 'nobody so far'],
    ['reward', block.rewardSompi === undefined ? 'unknown' : `${kasOf(block.rewardSompi)} KAS`],
    ['effort', `${percent(block.effort)}, luck ${percent(block.luck)}`],
    ['template age', known(block.templateAgeMs, 'ms')],
    ['queue', known(block.queueMs, 'ms')],
    ['out of line', block.causes.join(', ')],
  ];
  for (const output of block.outputs)
    lines.push([
      'output',
      `${output.outpoint} ${kasOf(output.amountSompi)} KAS, ${output.origin}, ${output.booked ? 'in the books' : 'not in the books'}`,
    ]);
  return `${lines.map(([name, value]) => `${name.padEnd(14)}${value}`).join('\n')}\n${block.explanation}\n`;
}

function redText({ merged, red, byCause, blocks }: RedReport): string {
  const lines = [
    `${red} of ${merged} merged blocks are red${merged === 0 ? '' : ` (${percent(red / merged)})`}`,
    ...Object.entries(byCause).map(([cause, count]) => `  ${String(count).padStart(6)}  ${cause}`),
    ...blocks.map(({ foundAt, blockHash, explanation }) => `${foundAt} ${blockHash}\n    ${explanation}`),
  ];
  return `${lines.join('\n')}\n`;
}

function percent(ratio: number | undefined): string {
  return ratio === undefined ? '?' : `${(ratio * 100).toFixed(1)} %`;
}
