/** `sluice rewards preview`: who would get what of a reward, by the work of a window. Looks, and changes nothing. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { basisPointsOf, kasOf, sompiOf } from '../domain/money.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { workInWindow } from '../ledger/reward-window.ts';
import { splitReward } from '../ledger/schemes/split.ts';
import { openDatabase, toDatabaseError } from '../ledger/stores/postgres.ts';

interface Given {
  readonly config: string;
  readonly reward: bigint;
  readonly feePercent: bigint;
  readonly minutes: number;
  readonly json?: boolean;
}

const MS_PER_MINUTE = 60_000;
const ROWS_SHOWN = 50;

function givenSompi(text: string): bigint {
  const sompi = sompiOf(text);
  if (sompi === undefined)
    throw new InvalidArgumentError('expected an amount of KAS, with at most 8 digits behind the point');
  return sompi;
}

function givenBasisPoints(text: string): bigint {
  const points = basisPointsOf(text);
  if (points === undefined)
    throw new InvalidArgumentError('expected a percentage up to 100, with at most 2 digits behind the point');
  return points;
}

function minutesOf(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 525_600)
    throw new InvalidArgumentError('expected whole minutes from 1 to 525600');
  return value;
}

export function addRewardsVerb(program: Command): void {
  program
    .command('rewards')
    .description('rewards')
    .command('preview')
    .description('who would get what of a reward, by work in the last minutes; changes nothing')
    .requiredOption('--config <file>', 'configuration that names the database')
    .addOption(new Option('--reward <kas>', 'to divide').argParser(givenSompi).makeOptionMandatory())
    .addOption(
      new Option('--fee-percent <n>', "the pool's, off the top").default(0n, '0').argParser(givenBasisPoints),
    )
    .addOption(new Option('--minutes <n>', 'of the window, back from now').default(60).argParser(minutesOf))
    .option('--json', 'all accounts, as JSON; amounts in sompi as strings')
    .action(async (given: Given) => {
      process.exitCode = await preview(given);
    });
}

async function preview({ config: file, reward, feePercent, minutes, json }: Given): Promise<number> {
  const url = databaseUrlOf(loadConfig(file), process.env);
  if (url === undefined) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
    );
  }
  const sql = openDatabase(url, { max: 1, applicationName: 'sluice rewards' });
  try {
    const toMs = Date.now();
    const window = await workInWindow(sql, toMs - minutes * MS_PER_MINUTE, toMs);
    const split = splitReward(reward, feePercent, window);
    const addresses = new Map(window.map(({ accountId, address }) => [accountId, address]));
    const parts = split.parts.map(({ accountId, sompi }) => ({ address: addresses.get(accountId)!, sompi }));
    process.stdout.write(
      json
        ? `${JSON.stringify({ rewardSompi: reward, minutes, ...split, parts }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)}\n`
        : previewText(parts, split.feeSompi, split.unclaimedSompi),
    );
    return 0;
  } catch (error) {
    throw toDatabaseError(error, url);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function previewText(
  parts: readonly { readonly address: string; readonly sompi: bigint }[],
  feeSompi: bigint,
  unclaimedSompi: bigint,
): string {
  const shown = parts.toSorted((a, b) => (a.sompi < b.sompi ? 1 : a.sompi > b.sompi ? -1 : 0));
  const lines = shown
    .slice(0, ROWS_SHOWN)
    .map(({ address, sompi }) => `${kasOf(sompi).padStart(20)}  ${address}`);
  if (shown.length > ROWS_SHOWN) lines.push(`... and ${shown.length - ROWS_SHOWN} more: --json has all`);
  lines.push(`${kasOf(feeSompi).padStart(20)}  fee`);
  if (unclaimedSompi > 0n)
    lines.push(`${kasOf(unclaimedSompi).padStart(20)}  claimed by nobody: the window holds no work`);
  return `${lines.join('\n')}\n`;
}
