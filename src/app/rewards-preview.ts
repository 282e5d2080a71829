/** `sluice rewards preview`: who would get what of a reward that came now, under a scheme's terms. Looks, and changes nothing. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Config, SCHEME_NAMES } from '../../config/schema.ts';
import { basisPointsOf, kasOf, sompiOf } from '../domain/money.ts';
import { POTS, type SchemeName } from '../domain/pot.ts';
import { targetOfBits, workOfTarget } from '../domain/target.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { withFinders, workInWindow } from '../ledger/reward-window.ts';
import { SCHEMES } from '../ledger/schemes/all-schemes.ts';
import { type Divided, MS_PER_MINUTE, type Span } from '../ledger/schemes/scheme.ts';
import { readTerms, type Terms, termsJson } from '../ledger/schemes/terms.ts';
import { creditOf } from '../ledger/settlement/settlement-document.ts';
import type { Database } from '../ledger/stores/postgres.ts';
import { withLedger } from './ledger-access.ts';

interface Given {
  readonly config: string;
  readonly reward: bigint;
  readonly scheme: SchemeName;
  readonly feePercent?: bigint;
  readonly finder?: string;
  readonly minutes?: number;
  readonly json?: boolean;
}

const ROWS_SHOWN = 50;

function givenSompi(text: string): bigint {
  const sompi = sompiOf(text);
  if (sompi === undefined)
    throw new InvalidArgumentError('expected an amount of KAS, with at most 8 digits behind the point');
  return sompi;
}

export function givenBasisPoints(text: string): bigint {
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

export function addPreviewVerb(rewards: Command): void {
  rewards
    .command('preview')
    .description('who would get what of a reward that came now; changes nothing')
    .requiredOption('--config <file>', 'configuration that names the database and the terms')
    .addOption(new Option('--reward <kas>', 'to divide').argParser(givenSompi).makeOptionMandatory())
    .addOption(new Option('--scheme <name>', 'its pot and terms').choices(SCHEME_NAMES).default('pplns'))
    .addOption(new Option('--fee-percent <n>', "instead of the scheme's").argParser(givenBasisPoints))
    .option('--finder <address>', 'who found the block: SOLO, and where there is a bonus')
    .addOption(
      new Option('--minutes <n>', "a window of so many minutes instead of the scheme's").argParser(minutesOf),
    )
    .option('--json', 'all accounts with the whole arithmetic, as JSON; amounts in sompi as strings')
    .action((given: Given) => preview(given));
}

async function preview(given: Given): Promise<void> {
  await withLedger(given.config, async (sql, config) => {
    const terms = termsOf(config, given);
    const window = await windowOf(sql, given, terms, Date.now());
    const accounts = await workInWindow(sql, POTS[given.scheme], window);
    const finder = given.finder === undefined ? undefined : await accountOf(sql, given.finder);
    const divided = SCHEMES[given.scheme].divide({
      // Nobody has number 0: without a finder there is no bonus, and SOLO is refused above.
      outputs: [{ amountSompi: given.reward, finderAccountId: finder ?? 0n }],
      dustInSompi: 0n,
      window,
      terms: finder === undefined ? { ...terms, finderBonusBasisPoints: 0n } : terms,
      accounts: finder === undefined ? [...accounts, NOBODY] : await withFinders(sql, accounts, [finder]),
    });
    const addresses = await addressesOf(
      sql,
      divided.parts.map(({ accountId }) => accountId),
    );
    process.stdout.write(
      given.json ? jsonOf(given, window, divided, addresses) : previewText(window, divided, addresses),
    );
  });
}

const NOBODY = { accountId: 0n, work: 0n, ownFeeBasisPoints: undefined, donationBasisPoints: 0n };

function termsOf(config: Config, { scheme, feePercent, finder }: Given): Terms {
  if (scheme === 'pps' || scheme === 'fpps') {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'PPS and FPPS divide no reward: work is credited by the minute',
      '`sluice reserve status` shows what was credited.',
    );
  }
  if (scheme === 'solo' && finder === undefined)
    throw new EdgeError('SLUICE_OPTION_INVALID', 'a SOLO block belongs to its finder: give --finder ADDRESS');
  const terms = readTerms(termsJson(config.rewards, scheme));
  return feePercent === undefined ? terms : { ...terms, feeBasisPoints: feePercent, feeTiers: [] };
}

/** As of a block found now; the minutes come from the sums themselves, which are younger than what the payer has noted. */
async function windowOf(sql: Database, given: Given, terms: Terms, nowMs: number): Promise<Span> {
  const minuteMs = Math.floor(nowMs / MS_PER_MINUTE) * MS_PER_MINUTE;
  if (given.minutes !== undefined)
    return { fromMs: minuteMs - (given.minutes - 1) * MS_PER_MINUTE, toMs: minuteMs + MS_PER_MINUTE };
  const scheme = SCHEMES[given.scheme];
  const unit = scheme.unitOf(minuteMs, {
    id: 0n,
    terms,
    fromMs: Number.NEGATIVE_INFINITY,
    toMs: Number.POSITIVE_INFINITY,
  });
  const fromMs = unit.toMs - scheme.reachMs(terms);
  const rows = await sql<{ minute_s: number; work: string }[]>`
    SELECT extract(epoch FROM bucket)::float8 AS minute_s, sum(work_hashes)::text AS work FROM share_sums
    WHERE bucket >= to_timestamp(${fromMs / 1_000}::float8) AND bucket < to_timestamp(${unit.toMs / 1_000}::float8)
      AND pot = ${POTS[given.scheme]} GROUP BY bucket ORDER BY bucket DESC`;
  const [last] = await sql<{ to_s: number | null; bits: bigint | null }[]>`
    SELECT extract(epoch FROM (SELECT max(window_to) FROM settlements WHERE pot = ${POTS[given.scheme]}))::float8 AS to_s,
      coalesce((SELECT network_bits FROM network_minutes ORDER BY minute DESC LIMIT 1),
               (SELECT network_bits FROM blocks ORDER BY found_at DESC LIMIT 1)) AS bits`;
  if (given.scheme === 'pplns' && last?.bits == null) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'the difficulty of the network is not in the database yet: give --minutes',
    );
  }
  return scheme.windowOf({
    unit,
    terms,
    minutes: rows.map(({ minute_s, work }) => ({ minuteMs: minute_s * 1_000, work: BigInt(work) })),
    networkWork: workOfTarget(targetOfBits(Number(last?.bits ?? 0))),
    previousToMs: last?.to_s == null ? undefined : last.to_s * 1_000,
  });
}

async function accountOf(sql: Database, address: string): Promise<bigint> {
  const [row] = await sql<{ id: bigint }[]>`SELECT id FROM accounts WHERE address = ${address}`;
  if (row) return row.id;
  throw new EdgeError('SLUICE_ACCOUNT_UNKNOWN', `nobody has mined to ${address} yet`);
}

async function addressesOf(sql: Database, ids: readonly bigint[]): Promise<ReadonlyMap<bigint, string>> {
  const rows = await sql<{ id: bigint; address: string }[]>`
    SELECT id, address FROM accounts WHERE id = ANY (${`{${ids.join(',')}}`}::text::bigint[])`;
  return new Map(rows.map(({ id, address }) => [id, address]));
}

function jsonOf(
  { scheme, reward }: Given,
  window: Span,
  divided: Divided,
  addresses: ReadonlyMap<bigint, string>,
): string {
  const document = {
    scheme,
    rewardSompi: reward,
    windowFrom: new Date(window.fromMs).toISOString(),
    windowTo: new Date(window.toMs).toISOString(),
    windowWork: divided.windowWork,
    feeSompi: divided.feeSompi,
    donationSompi: divided.donationSompi,
    unclaimedSompi: divided.dustOutSompi,
    parts: divided.parts.map((part) => ({
      address: addresses.get(part.accountId),
      ...part,
      creditSompi: creditOf(part),
    })),
  };
  return `${JSON.stringify(document, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)}\n`;
}

const HUNDREDTHS = 10_000n;

function previewText(window: Span, divided: Divided, addresses: ReadonlyMap<bigint, string>): string {
  const shown = divided.parts.toSorted((a, b) => Number(creditOf(b) - creditOf(a)));
  const lines = [
    `window ${new Date(window.fromMs).toISOString()} to ${new Date(window.toMs).toISOString()}, ${divided.parts.length} accounts`,
    `${'credit'.padStart(20)}  ${'of which bonus'.padStart(16)}  ${'after fee'.padStart(14)}  ${'work'.padStart(7)}  address`,
    ...shown.slice(0, ROWS_SHOWN).map((part) => {
      const percent = divided.windowWork === 0n ? 0n : (part.work * HUNDREDTHS) / divided.windowWork;
      const work = `${percent / 100n}.${String(percent % 100n).padStart(2, '0')}%`;
      return `${kasOf(creditOf(part)).padStart(20)}  ${kasOf(part.bonusSompi).padStart(16)}  ${kasOf(part.feeSompi).padStart(14)}  ${work.padStart(7)}  ${addresses.get(part.accountId)}`;
    }),
  ];
  if (shown.length > ROWS_SHOWN) lines.push(`... and ${shown.length - ROWS_SHOWN} more: --json has all`);
  lines.push(`${kasOf(divided.feeSompi).padStart(20)}  fee`);
  if (divided.donationSompi > 0n) lines.push(`${kasOf(divided.donationSompi).padStart(20)}  donation`);
  if (divided.dustOutSompi > 0n)
    lines.push(`${kasOf(divided.dustOutSompi).padStart(20)}  claimed by nobody: the window holds no work`);
  return `${lines.join('\n')}\n`;
}
