/** Accounts with a key, and what they sign: for tests of the settings. */
import { addressOfKey, signText } from '../../src/chains/kaspa/message-signature.ts';
import { type AccountWish, accountMessage } from '../../src/domain/account-message.ts';
import type { SettingsTerms, SignedSettings } from '../../src/ledger/account-settings.ts';

/** Small numbers are keys like others. */
export function keyOf(number: number): string {
  return number.toString(16).padStart(64, '0');
}

export const POOL_TERMS: SettingsTerms = {
  network: 'devnet',
  payAddress: addressOfKey(keyOf(1), 'devnet'),
  leastThresholdSompi: 100_000_000n,
};

export function signedSettings(key: string, more: Partial<AccountWish> = {}): SignedSettings {
  const address = addressOfKey(key, 'devnet');
  const message = accountMessage({
    network: POOL_TERMS.network,
    pool: POOL_TERMS.payAddress,
    address,
    thresholdSompi: 5_000_000_000n,
    donationBasisPoints: 50n,
    alerts: 'me@example.org',
    signedAtMs: Date.UTC(2026, 10, 30, 9),
    ...more,
  });
  return { address, message, signature: signText(message, key) };
}
