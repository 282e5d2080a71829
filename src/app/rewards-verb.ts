/** `sluice rewards preview | show | policy | attribute | withdraw | settle`, `sluice verify reward`, `sluice account fee`. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { checkAddress } from '../chains/kaspa/address.ts';
import { kasOf, sompiOf } from '../domain/money.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { type Outpoint, outpointOf } from '../ledger/settlement/operator-orders.ts';
import { readPolicies } from '../ledger/settlement/policies.ts';
import {
  readDocument,
  type SettlementDocument,
  verifyDocument,
} from '../ledger/settlement/settlement-document.ts';
import { readSettlement, settlementsOfBlock } from '../ledger/settlement/settlement-reader.ts';
import { giveOrder, operatorName, verbGroup, withLedger } from './ledger-access.ts';
import { addPreviewVerb, givenBasisPoints } from './rewards-preview.ts';
import { settleOnce } from './rewards-settle.ts';

const CONFIG = ['--config <file>', 'configuration that names the database'] as const;

export function givenOutpoint(text: string): Outpoint {
  const outpoint = outpointOf(text);
  if (!outpoint) throw new InvalidArgumentError('expected TXID:INDEX, 64 hex digits and a number');
  return outpoint;
}

export function textOf({ txid, index }: Outpoint): string {
  return `${txid}:${index}`;
}

export function givenKas(text: string): bigint {
  const sompi = sompiOf(text);
  if (!sompi) throw new InvalidArgumentError('expected an amount of KAS above 0');
  return sompi;
}

export function addRewardsVerb(program: Command): void {
  const rewards = verbGroup(program, 'rewards', 'how rewards are divided');
  addPreviewVerb(rewards);
  addShowVerb(rewards);
  rewards
    .command('policy')
    .description('terms of every pot, since when; past ones too')
    .requiredOption(...CONFIG)
    .action(async ({ config }: { config: string }) => {
      const policies = await withLedger(config, (sql) => readPolicies(sql));
      for (const { pot, fromMs, terms } of policies) {
        const since = Number.isFinite(fromMs) ? new Date(fromMs).toISOString() : 'ever';
        const { scheme, ...others } = terms;
        process.stdout.write(`pot ${pot} ${scheme}, since ${since}: ${stringOf(others, 0)}\n`);
      }
    });
  rewards
    .command('attribute')
    .description('say which block an unattributed coinbase output is of')
    .argument('<outpoint>', 'TXID:INDEX', givenOutpoint)
    .argument('<block-hash>')
    .requiredOption(...CONFIG)
    .action(async (outpoint: Outpoint, hash: string, { config }: { config: string }) => {
      await giveOrder(config, {
        order: 'attribute',
        outpoint: textOf(outpoint),
        blockHash: hash.toLowerCase(),
      });
    });
  addWithdrawVerb(rewards);
  rewards
    .command('settle')
    .description(
      'divide what can be divided now, once, as the payer does every few seconds; the payer must not run',
    )
    .requiredOption(...CONFIG)
    .action(({ config }: { config: string }) => settleOnce(config));
  addVerifyVerb(program);
  addFeeVerb(program);
}

function addWithdrawVerb(rewards: Command): void {
  rewards
    .command('withdraw')
    .description('fees, donations or deposits to an address of your own, with the next payout')
    .argument('<address>', 'where to')
    .argument('<kas>', 'how much', givenKas)
    .addOption(
      new Option('--from <what>', 'of which').choices(['fees', 'donations', 'deposits']).default('fees'),
    )
    .requiredOption(...CONFIG)
    .action(
      async (
        text: string,
        sompi: bigint,
        { config: file, from }: { config: string; from: 'fees' | 'donations' | 'deposits' },
      ) => {
        const { network, payAddress } = loadConfig(file).kaspa;
        const checked = checkAddress(text, network);
        if (!checked.ok) throw new EdgeError('SLUICE_OPTION_INVALID', checked.reason);
        const treasury = checkAddress(payAddress, network);
        if (treasury.ok && treasury.address === checked.address)
          throw new EdgeError(
            'SLUICE_OPTION_INVALID',
            "that is the treasury's own address: nothing is paid to it",
          );
        const account = ({ fees: 'pool_fee', donations: 'donation', deposits: 'deposits' } as const)[from];
        await giveOrder(file, {
          order: 'pay-out',
          from: account,
          address: checked.address,
          sompi: String(sompi),
        });
      },
    );
}

function addShowVerb(rewards: Command): void {
  rewards
    .command('show')
    .description(
      'a settlement with its whole arithmetic; anyone can recompute it with `sluice verify reward`',
    )
    .argument('[settlement]', 'its number')
    .option('--block <hash>', 'the ones that divided the reward of this block')
    .option('--json', 'as JSON, for `sluice verify reward`')
    .requiredOption(...CONFIG)
    .action(async (number: string | undefined, given: { config: string; block?: string; json?: boolean }) => {
      await withLedger(given.config, async (sql) => {
        const ids =
          given.block === undefined
            ? [settlementNumber(number)]
            : await settlementsOfBlock(sql, given.block.toLowerCase());
        if (ids.length === 0)
          throw new EdgeError(
            'SLUICE_SETTLEMENT_UNKNOWN',
            `no reward of block ${given.block} has been divided`,
          );
        for (const id of ids) {
          const json = await readSettlement(sql, id);
          process.stdout.write(given.json ? `${stringOf(json, 2)}\n` : settlementText(readDocument(json)));
        }
      });
    });
}

function settlementNumber(text: string | undefined): bigint {
  if (text === undefined || !/^\d{1,18}$/.test(text))
    throw new EdgeError('SLUICE_OPTION_INVALID', 'give the number of a settlement, or --block HASH');
  return BigInt(text);
}

function addVerifyVerb(program: Command): void {
  verbGroup(program, 'verify', 'recompute what the pool says, without its database')
    .command('reward')
    .description('recompute a settlement from its file; exit code 1 when it does not follow from itself')
    .argument('<file>', 'from `sluice rewards show --json`')
    .action((file: string) => {
      const { differences, ownFees } = verifyDocument(readFile(file));
      for (const difference of differences) process.stdout.write(`${difference}\n`);
      const fees = ownFees === 0 ? '' : `; ${ownFees} accounts have a fee that is not the scheme's`;
      process.stdout.write(
        differences.length === 0 ? `equal${fees}\n` : `${differences.length} differences${fees}\n`,
      );
      process.exitCode = differences.length === 0 ? 0 : 1;
    });
}

function readFile(file: string): SettlementDocument {
  try {
    return readDocument(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new EdgeError(
      'SLUICE_SETTLEMENT_FILE',
      `${file} is no settlement: ${messageOf(error)}`,
      '`sluice rewards show NUMBER --json` writes one.',
      error,
    );
  }
}

function addFeeVerb(program: Command): void {
  verbGroup(program, 'account', 'accounts of miners')
    .command('fee')
    .description('give an account a fee of its own, from the next settlement on')
    .argument('<address>')
    .argument('<percent>', 'or `none`: the fee of its scheme again', (text: string) =>
      text === 'none' ? undefined : givenBasisPoints(text),
    )
    .requiredOption('--config <file>', 'configuration that names the database')
    .action(async (text: string, points: bigint | undefined, { config: file }: { config: string }) => {
      const checked = checkAddress(text, loadConfig(file).kaspa.network);
      if (!checked.ok) throw new EdgeError('SLUICE_OPTION_INVALID', checked.reason);
      await giveOrder(file, {
        order: 'account-fee',
        address: checked.address,
        feeBasisPoints: points === undefined ? null : String(points),
        by: operatorName(),
      });
    });
}

function settlementText(document: SettlementDocument): string {
  const { settlement, outputs, accounts } = document;
  const amount = (sompi: bigint, what: string) => `${kasOf(sompi).padStart(20)}  ${what}`;
  const iso = (ms: number) => new Date(ms).toISOString();
  return `${[
    `settlement ${settlement.id}: ${settlement.scheme}, round ${settlement.round} of pot ${settlement.pot}, ledger transaction ${settlement.transactionId}`,
    `window ${iso(settlement.windowFrom)} to ${iso(settlement.windowTo)}, ${settlement.windowWork} hashes`,
    ...(settlement.lateInstances.length > 0
      ? [`late: ${settlement.lateInstances.join(', ')} had not loaded all of its shares`]
      : []),
    `terms ${stringOf(document.policy.terms, 0)}`,
    ...outputs.map((output) => amount(output.amountSompi, `${output.outpoint}, block ${output.blockHash}`)),
    amount(settlement.dustInSompi, 'dust in'),
    ...accounts.map((account) =>
      amount(
        account.creditSompi,
        `${account.address}: ${account.work} hashes, ${kasOf(account.grossSompi)} + bonus ${kasOf(account.bonusSompi)} - fee ${kasOf(account.feeSompi)} - donation ${kasOf(account.donationSompi)}`,
      ),
    ),
    amount(settlement.feeSompi, 'fees'),
    amount(settlement.donationSompi, 'donations'),
    amount(settlement.reserveSompi, 'to the reserve'),
    amount(settlement.dustOutSompi, 'dust out, to the next settlement'),
  ].join('\n')}\n`;
}

function stringOf(value: unknown, indent: number): string {
  return JSON.stringify(
    value,
    (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner),
    indent,
  );
}
