/** What a configuration says about accounts, in the words of the ledger. */
import type { Config } from '../../config/schema.ts';
import type { AccountTerms } from '../api/account-desk.ts';
import { checkAddress } from '../chains/kaspa/address.ts';
import { sompiOf } from '../domain/money.ts';
import { EdgeError } from '../kit/edge-error.ts';

export function accountTerms(config: Config, databaseUrl: string): AccountTerms {
  const { network, payAddress } = config.kaspa;
  const pool = checkAddress(payAddress, network);
  if (!pool.ok) throw new EdgeError('SLUICE_CONFIG_INVALID', `kaspa.payAddress: ${pool.reason}`);
  return {
    databaseUrl,
    network,
    // As messages name it: one spelling, whatever the configuration has.
    payAddress: pool.address,
    leastThresholdSompi: sompiOf(config.payouts.minimumKasLeast)!,
    defaultThresholdSompi: sompiOf(config.payouts.minimumKas)!,
  };
}
