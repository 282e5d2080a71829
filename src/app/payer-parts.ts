/**
 * What the payer and its verbs are built of: terms, key, nodes. In flows a configuration, out flow the parts, or the reason why
 * there can be none. It must never go on without the key that was asked for, and never look for one in the environment.
 */
import { databaseUrlOf, loadConfig, secretPath } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { checkAddress } from '../chains/kaspa/address.ts';
import { NodeLink } from '../chains/kaspa/node-link.ts';
import { TreasuryKey } from '../chains/kaspa/signing.ts';
import { EdgeError } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { KaspaPayoutChain } from '../payout/kaspa-payout-chain.ts';
import { KeySigner } from '../payout/key-signer.ts';
import { type PayoutTerms, payoutTermsOf } from '../payout/payout-terms.ts';
import type { Signer } from '../payout/signer.ts';

export interface PayerParts {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly terms: PayoutTerms;
  /** Without a key the books are kept and nobody is paid. */
  readonly signer: Signer | undefined;
  readonly links: readonly NodeLink[];
  readonly chain: KaspaPayoutChain;
  close(): void;
}

/** A name that somebody might put a key under. It would stand in /proc for every process of this user to read. */
const KEY_IN_ENVIRONMENT = /^SLUICE_.*(?:PRIVATE|PAYOUT|TREASURY)_?KEY$/;
/** First words of all nodes; one that needs longer is asked when it is there. */
const FIRST_WORD_MS = 5_000;
const POLL_MS = 50;

/** @param withKey the verbs that only look need none */
export function openPayerParts(
  configFile: string,
  environment: NodeJS.ProcessEnv,
  log: Logger,
  withKey: boolean,
): PayerParts {
  const config = loadConfig(configFile);
  const databaseUrl = payerDatabaseUrl(config, environment);
  const { network, payAddress, nodes } = config.kaspa;
  const treasury = checkAddress(payAddress, network);
  if (!treasury.ok) throw new EdgeError('SLUICE_PAY_ADDRESS', `kaspa.payAddress: ${treasury.reason}`);
  const terms: PayoutTerms = { ...payoutTermsOf(config), treasuryAddress: treasury.address };
  const signer = withKey ? openSigner(config, terms, environment) : undefined;
  const links = nodes.map(({ name, address }) => new NodeLink({ name, address, networkId: network, log }));
  for (const link of links) link.start();
  const chain = new KaspaPayoutChain({ links, treasuryAddress: treasury.address });
  const close = (): void => {
    for (const link of links) link.close();
  };
  return { config, databaseUrl, terms, signer, links, chain, close };
}

export function payerDatabaseUrl(config: Config, environment: NodeJS.ProcessEnv): string {
  const url = databaseUrlOf(config, environment);
  if (url !== undefined) return url;
  throw new EdgeError(
    'SLUICE_OPTION_INVALID',
    'this configuration uses an embedded PostgreSQL, which only runs while the engine does',
    'Set database.url or database.urlFile.',
  );
}

function openSigner(config: Config, terms: PayoutTerms, environment: NodeJS.ProcessEnv): Signer | undefined {
  const named = Object.keys(environment).find((name) => KEY_IN_ENVIRONMENT.test(name));
  if (named) {
    throw new EdgeError(
      'SLUICE_KEY_ENVIRONMENT',
      `the environment has ${named}: a key does not belong there, every process of this user can read it`,
      'Put it into a file of mode 0600 or a systemd credential, name that in payouts.keyFile, and unset the variable.',
    );
  }
  const { keyFile } = config.payouts;
  if (keyFile === undefined) return undefined;
  const file = secretPath(keyFile, environment);
  const credentials = environment.CREDENTIALS_DIRECTORY;
  return new KeySigner(TreasuryKey.read(file, terms.treasuryAddress, terms.networkId, credentials), terms);
}

/** Waits until every node has said something, or a while. @throws EdgeError SLUICE_NODE_NETWORK when all are of another network */
export async function firstWords(links: readonly NodeLink[]): Promise<void> {
  const deadline = performance.now() + FIRST_WORD_MS;
  while (performance.now() < deadline && links.some((link) => link.greetings === 0))
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  if (links.every((link) => link.foreign)) {
    throw new EdgeError(
      'SLUICE_NODE_NETWORK',
      links[0]!.fault,
      'Put the address of a node of the right network into the configuration.',
    );
  }
}
