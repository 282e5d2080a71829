/** Which minutes each scheme divides by, and the terms that it reads them from. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { configExample } from '../../../config/example.ts';
import { parseConfig } from '../../../config/load.ts';
import { points } from '../../../src/ledger/schemes/points.ts';
import { pplns } from '../../../src/ledger/schemes/pplns.ts';
import { creditMinute } from '../../../src/ledger/schemes/pps.ts';
import { prop } from '../../../src/ledger/schemes/prop.ts';
import type { MinuteWork } from '../../../src/ledger/schemes/scheme.ts';
import { readTerms, termsJson } from '../../../src/ledger/schemes/terms.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOON = Date.UTC(2026, 5, 1, 12);
const unit = { fromMs: NOON, toMs: NOON + MINUTE };
const ago = (minutes: number) => NOON - minutes * MINUTE;
const minuteWork = (...work: bigint[]): MinuteWork[] =>
  work.map((one, index) => ({ minuteMs: ago(index), work: one }));

describe('the window of PPLNS', () => {
  const terms = readTerms({
    scheme: 'pplns',
    feeBasisPoints: 0,
    windowMicroDifficulties: '2500000',
    windowHoursMax: 2,
  });
  const windowOf = (minutes: MinuteWork[]) =>
    pplns.windowOf({ unit, terms, minutes, networkWork: 40n, previousToMs: ago(1) });

  it('goes back by whole minutes until it holds enough work, the minute that reaches it included', () => {
    expect(windowOf(minuteWork(60n, 39n, 1n, 500n))).toEqual({ fromMs: ago(2), toMs: unit.toMs });
    expect(windowOf(minuteWork(100n, 1n))).toEqual(unit);
  });

  it('begins with the first work of a pool that is younger than it', () => {
    expect(windowOf(minuteWork(1n, 1n)).fromMs).toBe(ago(1));
    expect(windowOf([])).toEqual(unit);
  });

  it('never needs more work than is in it without its first minute', () => {
    const list = fc.array(fc.bigInt({ min: 1n, max: 120n }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(list, (work) => {
        const minutes = minuteWork(...work);
        const { fromMs } = windowOf(minutes);
        const inside = minutes.filter(({ minuteMs }) => minuteMs > fromMs);
        expect(inside.reduce((sum, one) => sum + one.work, 0n) < 100n).toBe(true);
      }),
    );
  });

  it('reaches no further back than the operator lets it', () => {
    expect(pplns.reachMs(terms)).toBe(2 * HOUR);
  });
});

describe('the window of PROP', () => {
  const terms = readTerms({ scheme: 'prop', feeBasisPoints: 0, windowHoursMax: 1 });
  const windowOf = (previousToMs: number | undefined, minutes: MinuteWork[] = []) =>
    prop.windowOf({ unit, terms, minutes, networkWork: 1n, previousToMs });

  it('begins where the one before ended, so that no minute is in two', () => {
    expect(windowOf(ago(5))).toEqual({ fromMs: ago(5), toMs: unit.toMs });
    expect(windowOf(NOON)).toEqual(unit);
  });

  it('begins with the first work for the first block, and is bounded', () => {
    expect(windowOf(undefined, minuteWork(1n, 1n, 1n)).fromMs).toBe(ago(2));
    expect(windowOf(ago(600)).fromMs).toBe(unit.toMs - HOUR);
  });
});

describe('the rounds of points', () => {
  const terms = readTerms({ scheme: 'points', feeBasisPoints: 0, roundMinutes: 30 });
  const since = { id: 1n, terms, fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY };

  it('are numbered by the clock and follow each other', () => {
    expect(points.unitOf(NOON + 29 * MINUTE, since)).toEqual({ fromMs: NOON, toMs: NOON + 30 * MINUTE });
    expect(points.unitOf(NOON + 30 * MINUTE, since).fromMs).toBe(NOON + 30 * MINUTE);
  });

  it('end when the terms change', () => {
    const changed = NOON + 10 * MINUTE;
    expect(points.unitOf(NOON, { ...since, toMs: changed })).toEqual({ fromMs: NOON, toMs: changed });
    expect(points.unitOf(changed, { ...since, fromMs: changed }).fromMs).toBe(changed);
  });
});

describe('the credit of a minute', () => {
  const terms = readTerms({ scheme: 'pps', feeBasisPoints: 400 });

  it('is work times the value of a block over the hashes of a block, rounded down', () => {
    const accounts = [1n, 2n].map((accountId) => ({
      accountId,
      work: accountId * 10n,
      ownFeeBasisPoints: undefined,
      donationBasisPoints: accountId === 2n ? 5_000n : 0n,
    }));
    const credit = creditMinute(accounts, terms, unit, 5_000n, 3_000n);
    expect(credit.parts.map((part) => part.grossSompi)).toEqual([16n, 33n]);
    expect([credit.grossSompi, credit.feeSompi, credit.donationSompi, credit.work]).toEqual([
      49n,
      1n,
      16n,
      30n,
    ]);
  });

  it('is refused where a block costs nothing', () => {
    expect(() => creditMinute([], terms, unit, 1n, 0n)).toThrow(RangeError);
  });
});

describe('the terms', () => {
  const parsed = parseConfig(configExample(), 'example');
  if (!parsed.ok) throw new Error('the example is good');
  const { rewards } = parsed.config;

  it('are whole numbers of what the configuration says', () => {
    const json = termsJson(
      {
        ...rewards,
        feeTiers: [
          { fromTerahash: 1.5, feePercent: 0.29 },
          { fromTerahash: 100, feePercent: 0 },
        ],
      },
      'pplns',
    );
    expect(json).toEqual({
      scheme: 'pplns',
      feeBasisPoints: 100,
      finderBonusBasisPoints: 0,
      feeTiers: [
        { fromHashesPerSecond: '100000000000000', feeBasisPoints: 0 },
        { fromHashesPerSecond: '1500000000000', feeBasisPoints: 29 },
      ],
      windowMicroDifficulties: '36000000000',
      windowHoursMax: 168,
    });
    expect(readTerms(JSON.parse(JSON.stringify(json))).windowMicroDifficulties).toBe(36_000_000_000n);
  });

  it('hold only what the scheme uses, so that another key is no change', () => {
    expect(Object.keys(termsJson(rewards, 'solo'))).toEqual([
      'scheme',
      'feeBasisPoints',
      'feeTiers',
      'windowMinutes',
    ]);
    expect(termsJson(rewards, 'fpps')).toMatchObject({ reserveStopSompi: '100000000000' });
    expect(termsJson(rewards, 'points')).toMatchObject({ roundMinutes: 60 });
  });
});
