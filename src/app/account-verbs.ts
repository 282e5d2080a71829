/**
 * `sluice account message | sign | apply | show`: settings of an account, for people whose wallet signs no messages and for operators.
 *
 *   message (the text) -> sign (with the key of the address) -> JSON -> POST /api/v1/settings, or apply at the pool
 */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { checkAddress, decodeAddress } from '../chains/kaspa/address.ts';
import { readKeyFile } from '../chains/kaspa/key-file.ts';
import { addressOfKey, signText } from '../chains/kaspa/message-signature.ts';
import { accountMessage, isAlertsAddress, readAccountMessage } from '../domain/account-message.ts';
import { basisPointsOf, kasOf, sompiOf } from '../domain/money.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { applySignedSettings, type SignedSettings } from '../ledger/account-settings.ts';
import { type AccountView, viewAccount } from '../ledger/account-view.ts';
import { type Database, openDatabase, toDatabaseError } from '../ledger/stores/postgres.ts';
import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import { verbGroup } from './ledger-access.ts';
import { poolTerms } from './pool-terms.ts';

const NETWORK_OF_PREFIX = {
  kaspa: 'mainnet',
  kaspatest: 'testnet-10',
  kaspadev: 'devnet',
  kaspasim: 'simnet',
} as const;
/** 0 is the terminal's own: `... account sign -` reads what is piped in. */
const STDIN = 0;

export function addAccountVerbs(program: Command): void {
  const account = verbGroup(program, 'account', 'settings of an account, and what it is owed');
  account
    .command('message')
    .description('print the text that an account signs to change its settings')
    .requiredOption('--address <address>', 'of the account')
    .requiredOption('--pool <address>', "the pool's own, from GET /api/v1/settings")
    .addOption(
      new Option('--threshold <kas>', "least balance that is paid; default: the pool's").argParser(
        givenSompi,
      ),
    )
    .addOption(
      new Option('--donation-percent <n>', 'of what it earns, to the pool')
        .default(0n, '0')
        .argParser(givenBasisPoints),
    )
    .addOption(
      new Option('--alerts <address>', 'e-mail address or https URL').default('').argParser(givenAlerts),
    )
    .action((given: MessageOptions) => {
      process.stdout.write(`${messageText(given)}\n`);
    });
  account
    .command('sign')
    .description('sign such a text with the key of the address; prints the JSON to send')
    .argument('<file>', 'the text; - = standard input')
    .requiredOption('--key-file <file>', 'private key of the address, 64 hexadecimal digits, mode 0600')
    .action((file: string, { keyFile }: { keyFile: string }) => {
      process.stdout.write(`${JSON.stringify(signed(readText(file), readKeyFile(keyFile)), null, 2)}\n`);
    });
  account
    .command('apply')
    .description('check signed settings and store them, as the API does')
    .argument('<file>', 'JSON with address, message, signature; - = standard input')
    .requiredOption('--config <file>', 'configuration of the pool')
    .action(async (file: string, { config }: { config: string }) => {
      const given = signedSettings(readText(file));
      process.exitCode = await withAccounts(config, (sql, terms) => apply(sql, terms, given));
    });
  account
    .command('show')
    .description('what an account is owed and was paid')
    .argument('<address>')
    .requiredOption('--config <file>', 'configuration of the pool')
    .option('--json', 'as JSON; amounts in sompi as strings')
    .action(async (address: string, { config, json }: { config: string; json?: boolean }) => {
      process.exitCode = await withAccounts(config, (sql, terms) => show(sql, terms, address, json === true));
    });
}

interface MessageOptions {
  readonly address: string;
  readonly pool: string;
  readonly threshold?: bigint;
  readonly donationPercent: bigint;
  readonly alerts: string;
}

function givenSompi(text: string): bigint {
  const sompi = sompiOf(text);
  if (!sompi) throw new InvalidArgumentError('expected KAS above 0, with at most 8 digits behind the point');
  return sompi;
}

function givenBasisPoints(text: string): bigint {
  const points = basisPointsOf(text);
  if (points === undefined) throw new InvalidArgumentError('expected a percentage with at most 2 decimals');
  return points;
}

function givenAlerts(text: string): string {
  if (!isAlertsAddress(text)) throw new InvalidArgumentError('expected an e-mail address or an https URL');
  return text;
}

function messageText({ address, pool, threshold, donationPercent, alerts }: MessageOptions): string {
  const prefix = decodeAddress(pool)?.prefix;
  if (!prefix) throw new EdgeError('SLUICE_OPTION_INVALID', '--pool is no Kaspa address');
  const network = NETWORK_OF_PREFIX[prefix];
  const own = checkAddress(address, network);
  if (!own.ok) throw new EdgeError('SLUICE_OPTION_INVALID', `--address: ${own.reason}`);
  return accountMessage({
    network,
    pool,
    address: own.address,
    thresholdSompi: threshold,
    donationBasisPoints: donationPercent,
    alerts,
    // Whole seconds: a person reads it.
    signedAtMs: Math.floor(Date.now() / 1000) * 1000,
  });
}

function signed(text: string, privateKey: string): SignedSettings {
  // An editor's or a shell's last line end is not part of the letter.
  const message = text.replace(/\r?\n$/, '');
  const reading = readAccountMessage(message);
  if (!reading.ok) {
    throw new EdgeError(
      'SLUICE_ACCOUNT_MESSAGE',
      `line ${reading.line} of the message should read: ${reading.expected}`,
      '`sluice account message` prints a right one.',
    );
  }
  const { address, network } = reading.wish;
  if (addressOfKey(privateKey, network) !== address) {
    throw new EdgeError(
      'SLUICE_KEY_FILE',
      'the key is not that of the address in the message',
      'Use the key of the address that you mine to.',
    );
  }
  return { address, message, signature: signText(message, privateKey) };
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? STDIN : file, 'utf8');
  } catch (error) {
    throw new EdgeError('SLUICE_OPTION_INVALID', `${file} cannot be read: ${messageOf(error)}`);
  }
}

function signedSettings(text: string): SignedSettings {
  try {
    const { address, message, signature } = JSON.parse(text) as Record<string, unknown>;
    if (typeof address === 'string' && typeof message === 'string' && typeof signature === 'string')
      return { address, message, signature };
  } catch {
    // Told below, in the same words.
  }
  throw new EdgeError(
    'SLUICE_ACCOUNT_MESSAGE',
    'this is no JSON object with the texts address, message and signature',
    '`sluice account sign` prints one.',
  );
}

async function apply(sql: Database, terms: PoolTerms, given: SignedSettings): Promise<number> {
  const outcome = await applySignedSettings(sql, given, terms, Date.now());
  if (!outcome.ok)
    throw new EdgeError('SLUICE_ACCOUNT_REFUSED', `refused (${outcome.refusal}): ${outcome.hint}`);
  process.stdout.write(outcome.changed ? 'stored; it holds from now on\n' : 'it held already\n');
  return 0;
}

async function show(sql: Database, terms: PoolTerms, text: string, json: boolean): Promise<number> {
  const address = checkAddress(text, terms.network);
  if (!address.ok) throw new EdgeError('SLUICE_OPTION_INVALID', address.reason);
  const view = await viewAccount(sql, address.address);
  if (!view) {
    process.stdout.write('no share of this address was accepted yet\n');
    return 1;
  }
  process.stdout.write(
    json
      ? `${JSON.stringify(view, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)}\n`
      : viewText(view, terms),
  );
  return 0;
}

function viewText(view: AccountView, terms: PoolTerms): string {
  const asked = view.thresholdSompi !== undefined;
  const rows = [
    ['balance', kasOf(view.balanceSompi)],
    ['in flight', kasOf(view.inFlightSompi)],
    ['paid', kasOf(view.paidSompi)],
    [
      'threshold',
      `${kasOf(view.thresholdSompi ?? terms.defaultThresholdSompi)}${asked ? '' : " (the pool's)"}`,
    ],
    ['donation', `${view.donationBasisPoints / 100} %`],
    ['settings', view.settingsSignedAt === '' ? 'none signed' : `signed at ${view.settingsSignedAt}`],
  ];
  const payments = view.payments.map(
    ({ payoutId, state, outputSompi, txid, updatedAt }) =>
      `  ${updatedAt}  payout ${payoutId}  ${state.padEnd(10)} ${kasOf(outputSompi).padStart(20)}  ${txid}`,
  );
  return `${[view.address, ...rows.map(([name, value]) => `  ${name!.padEnd(10)} ${value}`), ...payments].join('\n')}\n`;
}

/** Runs `work` on the configured database and closes it. */
async function withAccounts(
  configFile: string,
  work: (sql: Database, terms: PoolTerms) => Promise<number>,
): Promise<number> {
  const config = loadConfig(configFile);
  const url = databaseUrlOf(config, process.env);
  if (url === undefined) {
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
    );
  }
  const sql = openDatabase(url, { max: 1, applicationName: 'sluice account' });
  try {
    return await work(sql, poolTerms(config));
  } catch (error) {
    throw toDatabaseError(error, url);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
