import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AccountWish,
  accountMessage,
  freshnessOf,
  isAlertsAddress,
  readAccountMessage,
} from '../../../src/domain/account-message.ts';

const WISH: AccountWish = {
  network: 'mainnet',
  pool: 'kaspa:qpauqsvk7yf9unexwmxsnmg547mhyga37csh0kj53q6xxgl24ydxjsgzthw5j',
  address: 'kaspa:qqkqkzjvr7zwxxmjxjkmxxdwju9kjs6e9u82uh59z07vgaks6gg62v8707g73',
  thresholdSompi: 5_000_000_000n,
  donationBasisPoints: 50n,
  alerts: 'me@example.org',
  signedAtMs: Date.UTC(2026, 10, 30, 9, 15),
};
const TEXT = `Sluice account settings
network: mainnet
pool: kaspa:qpauqsvk7yf9unexwmxsnmg547mhyga37csh0kj53q6xxgl24ydxjsgzthw5j
address: kaspa:qqkqkzjvr7zwxxmjxjkmxxdwju9kjs6e9u82uh59z07vgaks6gg62v8707g73
threshold: 50 KAS
donation: 0.5 %
alerts: me@example.org
signed at: 2026-11-30T09:15:00Z`;

const lineOf = (text: string): number | 'read' => {
  const reading = readAccountMessage(text);
  return reading.ok ? 'read' : reading.line;
};

describe('the settings message', () => {
  it('reads like a letter', () => {
    expect(accountMessage(WISH)).toBe(TEXT);
    expect(readAccountMessage(TEXT)).toEqual({ ok: true, wish: WISH });
  });

  it('says when the pool decides, and when nobody is to be alerted', () => {
    const text = accountMessage({ ...WISH, thresholdSompi: undefined, alerts: '', donationBasisPoints: 0n });
    expect(text).toContain('threshold: pool default\ndonation: 0 %\nalerts: none\n');
    expect(readAccountMessage(text)).toMatchObject({
      wish: { thresholdSompi: undefined, alerts: '', donationBasisPoints: 0n },
    });
  });

  it('reads back whatever it wrote', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 18n }),
        fc.bigInt({ min: 0n, max: 10_000n }),
        fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2099, 0) }),
        (thresholdSompi, donationBasisPoints, signedAtMs) => {
          const wish = { ...WISH, thresholdSompi, donationBasisPoints, signedAtMs };
          expect(readAccountMessage(accountMessage(wish))).toEqual({ ok: true, wish });
        },
      ),
    );
  });

  it('names the line that is wrong', () => {
    const lines = TEXT.split('\n');
    for (const index of lines.keys()) {
      expect(lineOf(lines.with(index, `${lines[index]}!<`).join('\n'))).toBe(index + 1);
      expect(lineOf(lines.with(index, `x${lines[index]}`).join('\n'))).toBe(index + 1);
      // A line that is missing is noticed where the next one stands in its place.
      expect(lineOf(lines.toSpliced(index, 1).join('\n'))).toBe(index + 1);
    }
    expect(lineOf(`${TEXT}\n`)).toBe(9);
    expect(lineOf(`${TEXT}\nthreshold: 1 KAS`)).toBe(9);
    expect(lineOf('')).toBe(1);
    expect(lineOf('x'.repeat(100_000))).toBe(1);
    expect(lineOf(TEXT.replaceAll('\n', '\r\n'))).toBe(1);
  });

  it.each([
    ['threshold: 50 KAS', 'threshold: 0 KAS'],
    ['threshold: 50 KAS', 'threshold: -1 KAS'],
    ['threshold: 50 KAS', 'threshold: 1e3 KAS'],
    ['threshold: 50 KAS', 'threshold: 0.000000001 KAS'],
    ['threshold: 50 KAS', 'threshold: 50'],
    ['threshold: 50 KAS', 'threshold: 10000000000.00000001 KAS'],
    ['threshold: 50 KAS', 'threshold: 99999999999 KAS'],
    ['threshold: 50 KAS', 'threshold: 123456789012 KAS'],
    ['donation: 0.5 %', 'donation: 100.01 %'],
    ['donation: 0.5 %', 'donation: 0.555 %'],
    ['alerts: me@example.org', 'alerts: '],
    ['signed at: 2026-11-30T09:15:00Z', 'signed at: 2026-02-30T09:15:00Z'],
    ['signed at: 2026-11-30T09:15:00Z', 'signed at: 2026-11-30T24:00:00Z'],
    ['signed at: 2026-11-30T09:15:00Z', 'signed at: 2026-11-30T09:15:00+01:00'],
  ])('does not take "%s" as "%s"', (right, wrong) => {
    expect(lineOf(TEXT.replace(right, wrong))).toBeGreaterThan(1);
    expect(lineOf(TEXT.replace(right, wrong))).not.toBe('read');
  });

  it('never throws, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1_200 }), (text) => {
        expect(lineOf(text)).not.toBe('read');
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('an alerts address', () => {
  it.each([
    'me@example.org',
    'a.b+c@x-y.co.uk',
    'https://example.org',
    'https://example.org:8443/a/b?c=d&e=%20',
  ])('may be %s', (text) => expect(isAlertsAddress(text)).toBe(true));
  it.each([
    'none of your business',
    'javascript:alert(1)',
    'http://example.org',
    'https://example.org/<script>',
    'https://example.org/"onload="x',
    "https://example.org/'",
    'https://user:pass@example.org/',
    'me@example.org\nBcc: you@example.org',
    'me@localhost',
    `https://example.org/${'x'.repeat(200)}`,
    'mé@example.org',
  ])('may not be %s', (text) => expect(isAlertsAddress(text)).toBe(false));
});

describe('the time of signing', () => {
  it('is good for a quarter of an hour, and two minutes ahead of the clock', () => {
    const now = 1_000_000_000;
    expect(freshnessOf(now, now)).toBe('fresh');
    expect(freshnessOf(now - 15 * 60_000, now)).toBe('fresh');
    expect(freshnessOf(now - 15 * 60_000 - 1, now)).toBe('too old');
    expect(freshnessOf(now + 120_000, now)).toBe('fresh');
    expect(freshnessOf(now + 120_001, now)).toBe('ahead of the clock');
  });
});
