/** `sluice reserve status | fund | risk`: the reserve that PPS and FPPS are credited from. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { kasOf } from '../domain/money.ts';
import { POTS } from '../domain/pot.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { type Luck, readLuck, readReserve } from '../ledger/reserve/reserve-facts.ts';
import {
  type ReserveWalk,
  reserveFor,
  reserveWithin,
  ruinProbability,
  ruinWithin,
} from '../ledger/reserve/ruin.ts';
import type { Outpoint } from '../ledger/settlement/operator-orders.ts';
import { giveOrder, verbGroup, withLedger } from './ledger-access.ts';
import { givenKas, givenOutpoint, textOf } from './rewards-verb.ts';

const CONFIG = ['--config <file>', 'configuration that names the database'] as const;
const HORIZONS_DAYS = [7, 30, 90, 365];
const SMALL = [0.01, 0.001];
const SOMPI_PER_KAS = 1e8;

export function addReserveVerb(program: Command): void {
  const reserve = verbGroup(program, 'reserve', 'the reserve that PPS and FPPS are credited from');
  reserve
    .command('status')
    .description('what is in it, what was credited and received')
    .requiredOption(...CONFIG)
    .action(({ config }: { config: string }) => status(config));
  reserve
    .command('fund')
    .description('move deposits to the treasury, or collected fees, into the reserve')
    .argument('[outpoint...]', 'deposits, TXID:INDEX', (text: string, before: Outpoint[] | undefined) => [
      ...(before ?? []),
      givenOutpoint(text),
    ])
    .addOption(
      new Option('--from-fees <kas>', 'so much of the fees that the pool has earned').argParser(givenKas),
    )
    .requiredOption(...CONFIG)
    .action(async (outpoints: Outpoint[], { config, fromFees }: { config: string; fromFees?: bigint }) => {
      if (outpoints.length === 0 && fromFees === undefined)
        throw new EdgeError('SLUICE_OPTION_INVALID', 'give outpoints of deposits, or --from-fees KAS');
      for (const outpoint of outpoints)
        await giveOrder(config, { order: 'fund-reserve', outpoint: textOf(outpoint) });
      if (fromFees !== undefined)
        await giveOrder(config, { order: 'fund-reserve-from-fees', sompi: String(fromFees) });
    });
  reserve
    .command('risk')
    .description(
      'how likely the reserve runs dry, by the real luck of the pool, and what it would have to be',
    )
    .requiredOption(...CONFIG)
    .addOption(new Option('--days <n>', 'of the past that count').default(30).argParser(givenDays))
    .addOption(new Option('--scheme <name>').choices(['pps', 'fpps']).default('pps'))
    .action((given: { config: string; days: number; scheme: 'pps' | 'fpps' }) => risk(given));
}

function givenDays(text: string): number {
  const days = Number(text);
  if (!(days > 0 && days <= 3_650)) throw new InvalidArgumentError('expected days from 0 to 3650');
  return days;
}

async function status(config: string): Promise<void> {
  const facts = await withLedger(config, (sql) => readReserve(sql));
  const lines = [
    `${kasOf(facts.reserveSompi).padStart(20)}  in the reserve`,
    `${kasOf(facts.poolFeeSompi).padStart(20)}  in fees (reserve fund --from-fees)`,
    `${kasOf(facts.depositsSompi).padStart(20)}  in deposits, those in the reserve left out (reserve fund OUTPOINT)`,
    ...facts.pots.flatMap((pot) => [
      `${pot.scheme}: credited through ${pot.creditedThrough ?? 'never'}, ${pot.owedMinutes} minutes owed`,
      `${kasOf(pot.receivedSompi).padStart(20)}  received from blocks`,
      `${kasOf(pot.creditedSompi).padStart(20)}  credited, of which ${kasOf(pot.feeSompi)} are fees`,
    ]),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function risk({
  config: file,
  days,
  scheme,
}: {
  config: string;
  days: number;
  scheme: 'pps' | 'fpps';
}): Promise<void> {
  await withLedger(file, async (sql, config) => {
    const facts = await readReserve(sql);
    const luck = await readLuck(sql, [POTS[scheme]], days);
    if (luck.paidBlocks === 0 || luck.expectedBlocks === 0) {
      throw new EdgeError(
        'SLUICE_RESERVE_UNKNOWN_LUCK',
        `no block of the ${scheme} pot has paid in ${days} days: there is no luck to reckon with`,
        'Give a longer past with --days.',
      );
    }
    process.stdout.write(riskText(luck, Number(facts.reserveSompi), config.rewards[scheme].feePercent / 100));
  });
}

function riskText(luck: Luck, reserveSompi: number, fee: number): string {
  const observed = luck.paidBlocks / luck.expectedBlocks;
  const deviation = 1 / Math.sqrt(luck.expectedBlocks);
  const base = {
    blockSompi: luck.blockSompi,
    blocksPerDay: luck.expectedBlocks / luck.days,
    reserveSompi,
  };
  const walks: [string, ReserveWalk][] = [
    ['luck 100 %, fees stay in the reserve', { ...base, luck: 1, paidOut: 1 - fee }],
    ['luck as observed, fees stay in the reserve', { ...base, luck: observed, paidOut: 1 - fee }],
    ['luck 100 %, fees are taken out', { ...base, luck: 1, paidOut: 1 }],
  ];
  return `${[
    `${luck.paidBlocks} blocks paid in ${luck.days.toFixed(1)} days, ${luck.expectedBlocks.toFixed(1)} expected: luck ${percent(observed)}, by chance ${percent(1 - deviation)} to ${percent(1 + deviation)}`,
    `a block is worth ${kas(luck.blockSompi)} KAS, fee ${percent(fee)}, reserve ${kas(reserveSompi)} KAS`,
    ...walks.flatMap(([name, walk]) => [
      '',
      `${name}:`,
      ...HORIZONS_DAYS.map(
        (horizon) =>
          `  ruin within ${String(horizon).padStart(3)} days ${percent(ruinWithin(walk, horizon)).padStart(8)}; for ${SMALL.map((small) => `${percent(small)}: ${kas(reserveWithin(small, walk, horizon))} KAS`).join(', ')}`,
      ),
      `  ruin ever            ${percent(ruinProbability(walk)).padStart(8)}; for ${SMALL.map((small) => `${percent(small)}: ${kas(reserveFor(small, walk))} KAS`).join(', ')}`,
    ]),
  ].join('\n')}\n`;
}

function kas(sompi: number): string {
  return Number.isFinite(sompi) ? (sompi / SOMPI_PER_KAS).toFixed(2) : 'no reserve is enough,';
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(ratio < 0.01 ? 3 : 1)} %`;
}
