/**
 * The text by which an account says what it wants, signed by the key of its own address. Pure.
 *
 * In flows what was signed, out flows the wish, or the line that is wrong. People sign this in a wallet's window, so it must read
 * like a letter; programs act on it, so there is exactly one way to read it: eight lines, in this order, nothing else.
 *
 *   Sluice account settings
 *   network: mainnet                       with the pool's own address: no good at any other pool
 *   pool: kaspa:qp...
 *   address: kaspa:qz...
 *   threshold: 50 KAS                      or: threshold: pool default
 *   donation: 0.5 %
 *   alerts: me@example.org                 an e-mail address, an https URL, or: none
 *   signed at: 2026-11-30T09:15:00Z        played back later it is older than what is stored, and too old for the clock
 */
import { basisPointsOf, kasOf, sompiOf } from './money.ts';

export interface AccountWish {
  readonly network: string;
  /** The pool's treasury. */
  readonly pool: string;
  readonly address: string;
  /** undefined: the pool's own minimum. */
  readonly thresholdSompi: bigint | undefined;
  readonly donationBasisPoints: bigint;
  /** '' = none. Data of a stranger, never markup. */
  readonly alerts: string;
  readonly signedAtMs: number;
}

export type WishReading =
  | { readonly ok: true; readonly wish: AccountWish }
  /** `line` counts from 1. */
  | { readonly ok: false; readonly line: number; readonly expected: string };

const TITLE = 'Sluice account settings';
const POOL_DEFAULT = 'pool default';
const NO_ALERTS = 'none';
/** Eight lines of two addresses and one URL; far below what any wallet shows. */
const MESSAGE_CHARS_MAX = 1_000;
const ALERTS_CHARS_MAX = 200;
/** A slow walk from the wallet to the pool, and a clock that is a little wrong. */
const AGE_MAX_MS = 15 * 60_000;
const AHEAD_MAX_MS = 2 * 60_000;

/** Ten thousand million KAS, a third of all there will ever be: it fits the books' integers. */
const THRESHOLD_SOMPI_MAX = 10n ** 18n;

/** Lower-case, as addresses are in their canonical form; whether it is one is for the chain to say. */
const ADDRESS = /^[a-z]{1,20}:[a-z0-9]{20,100}$/;
const EMAIL = /^[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){1,6}$/;
/** No quote, bracket, backslash or space: nothing that could end a string or a tag wherever it is shown. */
const HTTPS_URL = /^https:\/\/[A-Za-z0-9.-]{1,253}(:\d{1,5})?(\/[A-Za-z0-9._~%/?&=+,:@-]*)?$/;

/** The text to sign. */
export function accountMessage(wish: AccountWish): string {
  const threshold = wish.thresholdSompi === undefined ? POOL_DEFAULT : `${shortKas(wish.thresholdSompi)} KAS`;
  return [
    TITLE,
    `network: ${wish.network}`,
    `pool: ${wish.pool}`,
    `address: ${wish.address}`,
    `threshold: ${threshold}`,
    `donation: ${percentOf(wish.donationBasisPoints)} %`,
    `alerts: ${wish.alerts === '' ? NO_ALERTS : wish.alerts}`,
    `signed at: ${timeText(wish.signedAtMs)}`,
  ].join('\n');
}

/** Strict: a line too many, too few, out of order or written otherwise is refused, with what was expected there. */
export function readAccountMessage(text: string): WishReading {
  if (text.length > MESSAGE_CHARS_MAX) return refused(1, `at most ${MESSAGE_CHARS_MAX} characters`);
  const lines = text.split('\n');
  const values: string[] = [];
  for (const [index, row] of ROWS.entries()) {
    const line = lines[index] ?? '';
    const value = line.startsWith(row.begin) ? line.slice(row.begin.length) : undefined;
    if (value === undefined || !row.holds(value)) return refused(index + 1, row.expected);
    values.push(value);
  }
  if (lines.length > ROWS.length) return refused(ROWS.length + 1, 'nothing more');
  const [, network, pool, address, threshold, donation, alerts, signedAt] = values as [string, ...string[]];
  return {
    ok: true,
    wish: {
      network: network!,
      pool: pool!,
      address: address!,
      thresholdSompi: threshold === POOL_DEFAULT ? undefined : sompiOf(beforeUnit(threshold!, ' KAS')),
      donationBasisPoints: basisPointsOf(beforeUnit(donation!, ' %'))!,
      alerts: alerts === NO_ALERTS ? '' : alerts!,
      signedAtMs: timeOf(signedAt!)!,
    },
  };
}

type Freshness = 'fresh' | 'too old' | 'ahead of the clock';

export function freshnessOf(signedAtMs: number, nowMs: number): Freshness {
  if (signedAtMs > nowMs + AHEAD_MAX_MS) return 'ahead of the clock';
  return signedAtMs < nowMs - AGE_MAX_MS ? 'too old' : 'fresh';
}

export function isAlertsAddress(text: string): boolean {
  return text.length <= ALERTS_CHARS_MAX && (EMAIL.test(text) || HTTPS_URL.test(text));
}

interface Row {
  readonly begin: string;
  readonly expected: string;
  holds(value: string): boolean;
}

const ROWS: readonly Row[] = [
  { begin: TITLE, expected: TITLE, holds: (value) => value === '' },
  {
    begin: 'network: ',
    expected: 'network: NAME',
    holds: (value) => /^[a-z0-9-]{1,32}$/.test(value),
  },
  { begin: 'pool: ', expected: "pool: the pool's own address", holds: (value) => ADDRESS.test(value) },
  { begin: 'address: ', expected: 'address: the address that signs', holds: (value) => ADDRESS.test(value) },
  {
    begin: 'threshold: ',
    expected: `threshold: 50 KAS, at most 8 digits behind the point, or threshold: ${POOL_DEFAULT}`,
    holds: (value) => value === POOL_DEFAULT || isThreshold(sompiOf(beforeUnit(value, ' KAS'))),
  },
  {
    begin: 'donation: ',
    expected: 'donation: 0.5 %, up to 100, at most 2 digits behind the point',
    holds: (value) => basisPointsOf(beforeUnit(value, ' %')) !== undefined,
  },
  {
    begin: 'alerts: ',
    expected: `alerts: an e-mail address, an https URL of at most ${ALERTS_CHARS_MAX} characters, or ${NO_ALERTS}`,
    holds: (value) => value === NO_ALERTS || isAlertsAddress(value),
  },
  {
    begin: 'signed at: ',
    expected: 'signed at: 2026-01-31T23:59:59Z',
    holds: (value) => timeOf(value) !== undefined,
  },
];

function isThreshold(sompi: bigint | undefined): boolean {
  return sompi !== undefined && sompi > 0n && sompi <= THRESHOLD_SOMPI_MAX;
}

/** '' when the unit is missing, which is no number. */
function beforeUnit(value: string, unit: string): string {
  return value.endsWith(unit) ? value.slice(0, -unit.length) : '';
}

function shortKas(sompi: bigint): string {
  return kasOf(sompi).replace(/\.?0+$/, '');
}

function percentOf(basisPoints: bigint): string {
  return `${basisPoints / 100n}.${String(basisPoints % 100n).padStart(2, '0')}`.replace(/\.?0+$/, '');
}

function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString().replace('.000Z', 'Z');
}

/** Only what prints as it was read: 31 February and 24:00 are refused. */
function timeOf(text: string): number | undefined {
  if (!/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z$/.test(text)) return undefined;
  const unixMs = Date.parse(text);
  return Number.isNaN(unixMs) || timeText(unixMs) !== text.replace('.000Z', 'Z') ? undefined : unixMs;
}

function refused(line: number, expected: string): WishReading {
  return { ok: false, line, expected };
}
