import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NetworkTable, networkKey, sourceOf } from '../../../../src/stratum/fairness/networks.ts';
import { Penalty, type PenaltyRules } from '../../../../src/stratum/fairness/penalty.ts';
import { NO_LIMIT, TokenBucket } from '../../../../src/stratum/fairness/token-bucket.ts';

const RATE = { perSecond: 10, burst: 30 };

function takeAll(bucket: TokenBucket, nowMs: number, rate = RATE): number {
  let taken = 0;
  while (taken < 1_000 && bucket.take(rate, nowMs)) taken++;
  return taken;
}

describe('a token bucket', () => {
  it('gives a burst at once and its rate from then on', () => {
    const bucket = new TokenBucket(RATE, 0);
    expect(takeAll(bucket, 0)).toBe(30);
    expect(takeAll(bucket, 500)).toBe(5);
    expect(takeAll(bucket, 1_000)).toBe(5);
    expect(takeAll(bucket, 1e9)).toBe(30);
  });

  it('gives nothing for a clock that steps back, and goes on from there', () => {
    const bucket = new TokenBucket(RATE, 100_000);
    expect(takeAll(bucket, 100_000)).toBe(30);
    expect(takeAll(bucket, 40_000)).toBe(0);
    expect(takeAll(bucket, 41_000)).toBe(10);
  });

  it('never gives more than burst and rate allow, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5_000, max: 5_000 }), { maxLength: 60 }), (steps) => {
        const bucket = new TokenBucket(RATE, 0);
        let nowMs = 0;
        let forwardMs = 0;
        let taken = 0;
        for (const step of steps) {
          nowMs += step;
          forwardMs += Math.max(0, step);
          taken += takeAll(bucket, nowMs);
        }
        return taken <= RATE.burst + (RATE.perSecond * forwardMs) / 1_000 + 1e-6;
      }),
    );
  });

  it('has no end where there is no limit', () => {
    const bucket = new TokenBucket(NO_LIMIT, 0);
    expect(takeAll(bucket, 0, NO_LIMIT)).toBe(1_000);
    expect(bucket.isFull(NO_LIMIT, 0)).toBe(true);
  });
});

const RULES: PenaltyRules = {
  pointsMax: 100,
  pointFadesMs: 1_000,
  firstWaitMs: 5_000,
  longestWaitMs: 600_000,
  strikeFadesMs: 600_000,
};

describe('the score keeper', () => {
  it('lets a small fault every few seconds pass for ever', () => {
    const penalty = new Penalty(0);
    for (let nowMs = 0; nowMs < 10_000_000; nowMs += 5_000) expect(penalty.add(5, RULES, nowMs)).toBe(false);
    expect(penalty.waitMs(RULES, 10_000_000)).toBe(0);
  });

  it('strikes at so many points at once, and makes each wait twice as long up to the longest', () => {
    const penalty = new Penalty(0);
    const waits: number[] = [];
    let nowMs = 0;
    for (let strike = 0; strike < 10; strike++) {
      for (let fault = 0; fault < 19; fault++) expect(penalty.add(5, RULES, nowMs)).toBe(false);
      expect(penalty.add(5, RULES, nowMs)).toBe(true);
      waits.push(penalty.waitMs(RULES, nowMs) / 1_000);
      nowMs += penalty.waitMs(RULES, nowMs);
      expect(penalty.waitMs(RULES, nowMs)).toBe(0);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
  });

  it('forgets a strike after a while without another, but not while the wait lasts', () => {
    const penalty = new Penalty(0);
    penalty.strike(RULES, 0);
    penalty.strike(RULES, 0);
    expect(penalty.waitMs(RULES, 0)).toBe(10_000);
    expect(penalty.isForgotten(RULES, 10_000 + 1_199_000)).toBe(false);
    expect(penalty.isForgotten(RULES, 10_000 + 1_200_000)).toBe(true);
    penalty.strike(RULES, 2_000_000);
    expect(penalty.waitMs(RULES, 2_000_000)).toBe(5_000);
  });

  it('neither ends nor prolongs a wait when the clock steps back', () => {
    const penalty = new Penalty(1_000_000);
    penalty.strike(RULES, 1_000_000);
    expect(penalty.waitMs(RULES, 400_000)).toBe(5_000);
    expect(penalty.waitMs(RULES, 403_000)).toBe(2_000);
    expect(penalty.waitMs(RULES, 405_000)).toBe(0);
  });
});

describe('networks', () => {
  it.each([
    ['203.0.113.7', '::ffff:203.0.113.7'],
    ['203.0.113.7', '::FFFF:cb00:7107'],
    ['2001:db8::1', '2001:0DB8:0:0::2'],
    ['2001:db8::1', '2001:db8::ffff:ffff:ffff:ffff'],
    ['fe80::1%eth0', 'fe80::2%eth1'],
  ])('count %s and %s as one source', (one, other) => {
    expect(sourceOf(one)).toBe(sourceOf(other));
  });

  it.each([
    ['203.0.113.7', '203.0.113.8'],
    ['2001:db8::1', '2001:db8:0:1::1'],
    ['1.2.3.4', '::102:304'],
  ])('count %s and %s as two', (one, other) => {
    expect(sourceOf(one)).not.toBe(sourceOf(other));
  });

  it('are one in every spelling, and nothing else is one', () => {
    expect(networkKey('10.1.2.3/8')).toBe(networkKey('10.0.0.0/8'));
    expect(networkKey('::ffff:10.0.0.0/104')).toBe(networkKey('10.9.9.9/8'));
    expect(networkKey('::1')).toBe(networkKey('0:0:0:0:0:0:0:1/128'));
    for (const text of [
      '',
      'x',
      '10.0.0.0/33',
      '10.0.0/8',
      '1.2.3.4/',
      '::/129',
      '1.2.3.4/8/8',
      '::ffff:1.2.3.4/8',
    ])
      expect(networkKey(text), text).toBeUndefined();
  });

  it('find the narrowest that an address lies in', () => {
    const table = new NetworkTable<string>();
    for (const network of ['0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '2001:db8::/32', '::1'])
      expect(table.set(network, network)).toBe(true);
    expect(table.set('nonsense', '')).toBe(false);
    expect(
      [
        '10.1.2.3',
        '10.1.2.4',
        '10.2.0.1',
        '9.9.9.9',
        '::ffff:10.1.9.9',
        '2001:db8:7::',
        '::1',
        '::2',
        'x',
      ].map((address) => table.find(address)),
    ).toEqual([
      ...['10.1.2.3', '10.1.0.0/16', '10.0.0.0/8', '0.0.0.0/0', '10.1.0.0/16', '2001:db8::/32', '::1'],
      ...[undefined, undefined],
    ]);
  });
});
