/**
 * The settings of an account, as HTTP. Pure but for the desk: (request, desk) -> response.
 *
 *   GET  /api/v1/settings      what a message has to say here: network, pool, bounds, the text itself
 *   POST /api/v1/settings      {address, message, signature} -> what holds now
 *
 * Who may change anything is for the signature to say, not for the caller: there is no login. Amounts are decimal strings of sompi.
 */
import { accountMessage } from '../domain/account-message.ts';
import type { SettingsRefusal, SignedSettings } from '../ledger/account-settings.ts';
import type { PoolTerms } from '../ledger/views/pool-terms.ts';
import { clientKey } from './client-key.ts';
import type { HttpRequest, HttpResponse } from './http-engine.ts';
import { namedProblem, problem } from './problem.ts';
import type { SettingsDesk } from './settings-desk.ts';

export const SETTINGS_PATH = '/api/v1/settings';

const STATUS_OF_REFUSAL: Readonly<Record<SettingsRefusal, number>> = {
  'message-malformed': 400,
  'other-pool': 400,
  'other-address': 400,
  'address-invalid': 400,
  'signed-too-early': 400,
  'signed-too-late': 400,
  'threshold-too-low': 400,
  'address-cannot-sign': 400,
  'signature-wrong': 403,
  'account-unknown': 404,
  'settings-older': 409,
  'too-often': 429,
};
/** Written by people who mine by hand: one slip is enough to be refused, so say which. */
const TITLE_OF_REFUSAL: Readonly<Record<SettingsRefusal, string>> = {
  'message-malformed': 'Not a settings message',
  'other-pool': 'Meant for another pool',
  'other-address': 'Names another address',
  'address-invalid': 'Not an address of this network',
  'signed-too-early': 'Signed too long ago',
  'signed-too-late': 'Signed in the future',
  'threshold-too-low': 'Threshold too low',
  'address-cannot-sign': 'This kind of address cannot sign',
  'signature-wrong': 'Signature does not fit',
  'account-unknown': 'Account unknown',
  'settings-older': 'Newer settings are stored',
  'too-often': 'Too many changes',
};
const ACCOUNT_RETRY_SECONDS = 300;

/** What a message has to say at this pool, with the text to fill in. */
export function settingsForm({ terms, nowMs }: SettingsDesk): HttpResponse {
  return json({
    network: terms.network,
    pool: terms.payAddress,
    leastThresholdSompi: String(terms.leastThresholdSompi),
    defaultThresholdSompi: String(terms.defaultThresholdSompi),
    message: accountMessage({
      network: terms.network,
      pool: terms.payAddress,
      address: 'YOUR_ADDRESS',
      thresholdSompi: terms.defaultThresholdSompi,
      donationBasisPoints: 0n,
      alerts: '',
      signedAtMs: Math.floor(nowMs / 1000) * 1000,
    }),
  });
}

export async function changeSettings(request: HttpRequest, desk: SettingsDesk): Promise<HttpResponse> {
  // Asked for at once: a body that nobody wants is thrown away.
  const reading = request.readBody();
  const waitSeconds = desk.mustWait(clientKey(request.peer, request.forwardedFor));
  if (waitSeconds > 0) return problem(429, {}, { 'retry-after': String(waitSeconds) });
  const body = await reading;
  if (!body.ok) return problem(body.status);
  const given = signedSettingsOf(body.text);
  if (!given) {
    return namedProblem(400, 'body-malformed', 'Body not understood', {
      hint: 'Send JSON with exactly three texts: address, message, signature.',
    });
  }
  const outcome = await desk.apply(given).catch(() => undefined);
  if (!outcome) return problem(503);
  if (!outcome.ok) {
    const { refusal, hint } = outcome;
    const headers = refusal === 'too-often' ? { 'retry-after': String(ACCOUNT_RETRY_SECONDS) } : {};
    return namedProblem(STATUS_OF_REFUSAL[refusal], refusal, TITLE_OF_REFUSAL[refusal], { hint }, headers);
  }
  const { wish, changed } = outcome;
  return json({
    changed,
    address: wish.address,
    ...thresholdOf(wish.thresholdSompi, desk.terms),
    donationBasisPoints: Number(wish.donationBasisPoints),
    alerts: wish.alerts,
    settingsSignedAt: new Date(wish.signedAtMs).toISOString(),
  });
}

/** undefined for anything but an object with these three texts. */
function signedSettingsOf(text: string): SignedSettings | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { address, message, signature, ...more } = value as Record<string, unknown>;
  if (typeof address !== 'string' || typeof message !== 'string' || typeof signature !== 'string')
    return undefined;
  return Object.keys(more).length > 0 ? undefined : { address, message, signature };
}

function thresholdOf(asked: bigint | undefined, terms: PoolTerms): object {
  return {
    thresholdSompi: String(asked ?? terms.defaultThresholdSompi),
    thresholdAsked: asked !== undefined,
  };
}

function json(body: object): HttpResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: `${JSON.stringify(body)}\n`,
  };
}
