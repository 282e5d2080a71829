/**
 * Settings that an account signed, from what came in to what is stored. The same way for the API and the command.
 *
 * In: address, message and signature as a stranger sent them. Out: what became of them, in one word that stays the same. It must
 * never believe anything before the signature: what is cheap to check comes first, so that nonsense costs nothing, but no word of
 * the account is read or written until its own key has spoken.
 *
 *   bounds -> lines -> this pool? this address? -> clock -> threshold -> signature -> [turn of the account] -> database: newer?
 */
import { checkAddress } from '../chains/kaspa/address.ts';
import { judgeSignature } from '../chains/kaspa/message-signature.ts';
import { type AccountWish, freshnessOf, readAccountMessage } from '../domain/account-message.ts';
import type { Database } from './stores/postgres.ts';

/** What the pool brings: the two names that a message is bound to, and its least threshold. */
export interface SettingsTerms {
  readonly network: string;
  readonly payAddress: string;
  readonly leastThresholdSompi: bigint;
}

export interface SignedSettings {
  readonly address: string;
  readonly message: string;
  readonly signature: string;
}

/** Stable words; docs/ERRORS.md has what they mean. */
export type SettingsRefusal =
  | 'message-malformed'
  | 'other-pool'
  | 'other-address'
  | 'address-invalid'
  | 'signed-too-early'
  | 'signed-too-late'
  | 'threshold-too-low'
  | 'address-cannot-sign'
  | 'signature-wrong'
  | 'too-often'
  | 'settings-older'
  | 'account-unknown';

export type SettingsOutcome =
  | { readonly ok: true; readonly wish: AccountWish; readonly changed: boolean }
  | { readonly ok: false; readonly refusal: SettingsRefusal; readonly hint: string };

/** Everything but the database. `ok` means: the key of this address wants this, at this pool, now. */
function checkSignedSettings(
  given: SignedSettings,
  terms: SettingsTerms,
  nowMs: number,
): { readonly ok: true; readonly wish: AccountWish } | Extract<SettingsOutcome, { ok: false }> {
  const address = checkAddress(given.address, terms.network);
  if (!address.ok) return refused('address-invalid', address.reason);
  const reading = readAccountMessage(given.message);
  if (!reading.ok)
    return refused('message-malformed', `Line ${reading.line} should read: ${reading.expected}.`);
  const { wish } = reading;
  if (wish.network !== terms.network || wish.pool !== terms.payAddress)
    return refused('other-pool', `This pool is ${terms.payAddress} on ${terms.network}.`);
  if (wish.address !== given.address)
    return refused('other-address', 'The message names another address than the one it came with.');
  const freshness = freshnessOf(wish.signedAtMs, nowMs);
  if (freshness === 'too old')
    return refused(
      'signed-too-early',
      'It was signed more than 15 minutes ago: make a new message and sign that.',
    );
  if (freshness === 'ahead of the clock')
    return refused(
      'signed-too-late',
      'Its time lies in the future: set the clock of the machine it was made on.',
    );
  if (wish.thresholdSompi !== undefined && wish.thresholdSompi < terms.leastThresholdSompi)
    return refused('threshold-too-low', 'The least threshold stands in GET /api/v1/settings.');
  const judgement = judgeSignature(given.message, given.address, given.signature);
  if (judgement === 'cannot prove') return refused('address-cannot-sign', CANNOT_SIGN);
  if (judgement !== 'signed') return refused('signature-wrong', WRONG_SIGNATURE);
  return { ok: true, wish };
}

const CANNOT_SIGN =
  'Only an address of a Schnorr key (kaspa:q..., 61 characters) can sign messages; ECDSA addresses and scripts keep the settings of the pool.';
const WRONG_SIGNATURE =
  'The signature, 128 hexadecimal digits, was not made by the key of this address over this very text.';

/** @param mayTakeTurn asked once the signature is good, so that nobody can use up the turns of somebody else */
export async function applySignedSettings(
  sql: Database,
  given: SignedSettings,
  terms: SettingsTerms,
  nowMs: number,
  mayTakeTurn: (address: string) => boolean = () => true,
): Promise<SettingsOutcome> {
  const checked = checkSignedSettings(given, terms, nowMs);
  if (!checked.ok) return checked;
  const { wish } = checked;
  if (!mayTakeTurn(wish.address))
    return refused('too-often', 'An account may change its settings a few times an hour.');
  const [row] = await sql<{ outcome: 'applied' | 'unchanged' | 'older' | 'unknown' }[]>`
    SELECT apply_account_settings(${wish.address}, ${wish.thresholdSompi ?? null}::bigint,
      ${wish.donationBasisPoints}::bigint::integer, ${wish.alerts === '' ? null : wish.alerts}::text,
      to_timestamp(${wish.signedAtMs}::float8 / 1000), ${given.message}, ${given.signature}) AS outcome`;
  const { outcome } = row!;
  if (outcome === 'unknown')
    return refused('account-unknown', 'No share of this address was accepted yet: mine first.');
  if (outcome === 'older')
    return refused('settings-older', 'Settings signed at the same time or later are stored already.');
  return { ok: true, wish, changed: outcome === 'applied' };
}

function refused(refusal: SettingsRefusal, hint: string): Extract<SettingsOutcome, { ok: false }> {
  return { ok: false, refusal, hint };
}
