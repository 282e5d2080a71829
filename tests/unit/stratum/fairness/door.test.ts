import { beforeEach, describe, expect, it } from 'vitest';
import { Door, type DoorRules, type Refusal, Visitor } from '../../../../src/stratum/fairness/door.ts';
import { LoginPenalties } from '../../../../src/stratum/fairness/login-penalties.ts';
import { NO_LIMIT } from '../../../../src/stratum/fairness/token-bucket.ts';

const OPEN: DoorRules = {
  connectionsPerAddress: Number.POSITIVE_INFINITY,
  connectsPerAddress: NO_LIMIT,
  connects: NO_LIMIT,
  unlimitedFrom: [],
};
const PENALTIES = {
  pointsMax: 100,
  pointFadesMs: 1_000,
  firstWaitMs: 5_000,
  longestWaitMs: 600_000,
  strikeFadesMs: 600_000,
};

let nowMs = 0;
let unixMs = 0;
beforeEach(() => {
  nowMs = 1_000;
  unixMs = Date.UTC(2026, 10, 30);
});

const doorOf = (rules: Partial<DoorRules>, visitorsMax = 1_000) =>
  new Door({
    ports: [
      { ...OPEN, ...rules },
      { ...OPEN, connectionsPerAddress: 100 },
    ],
    visitorsMax,
    penalties: PENALTIES,
    clock: () => nowMs,
    wallClock: () => unixMs,
  });

const reasonOf = (admitted: Visitor | Refusal): string | undefined =>
  admitted instanceof Visitor ? undefined : admitted.reason;

describe('the door', () => {
  it('lets an address have so many connections to a port at once, and again when one has left', () => {
    const door = doorOf({ connectionsPerAddress: 3 });
    const visitors = [0, 0, 0].map((port) => door.admit('203.0.113.7', port));
    const refused = door.admit('203.0.113.7', 0) as Refusal;
    expect(refused).toMatchObject({ reason: 'address_connections', text: expect.stringContaining('3') });
    // Another address, and another port, are not concerned.
    expect(reasonOf(door.admit('203.0.113.8', 0))).toBeUndefined();
    expect(reasonOf(door.admit('203.0.113.7', 1))).toBeUndefined();
    door.leave(visitors[0] as Visitor);
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBeUndefined();
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBe('address_connections');
  });

  it('takes an IPv6 network of 64 bits for one, since its owner has all of them', () => {
    const door = doorOf({ connectionsPerAddress: 2 });
    const reasons = ['1', '2', '3'].map((host) => reasonOf(door.admit(`2001:db8::${host}`, 0)));
    expect(reasons).toEqual([undefined, undefined, 'address_connections']);
    expect(reasonOf(door.admit('2001:db8:0:1::1', 0))).toBeUndefined();
  });

  it('lets an address connect so often a second, and takes nothing of others for what it refuses', () => {
    const door = doorOf({
      connectsPerAddress: { perSecond: 1, burst: 5 },
      connects: { perSecond: 10, burst: 10 },
    });
    const flood = Array.from({ length: 100 }, () => reasonOf(door.admit('203.0.113.7', 0)));
    expect(flood.filter((reason) => reason === undefined)).toHaveLength(5);
    expect(new Set(flood.slice(5))).toEqual(new Set(['connect_rate']));
    const others = Array.from({ length: 8 }, (_, host) => reasonOf(door.admit(`198.51.100.${host}`, 0)));
    expect(others.filter((reason) => reason === undefined)).toHaveLength(5);
    nowMs += 1_000;
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBeUndefined();
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBe('connect_rate');
  });

  it('counts nothing for those on the list, but bans them all the same', () => {
    const door = doorOf({ connectionsPerAddress: 1, unlimitedFrom: ['203.0.113.0/24'] });
    for (let index = 0; index < 50; index++) {
      const visitor = door.admit('203.0.113.7', 0);
      expect(reasonOf(visitor)).toBeUndefined();
      door.fault(visitor as Visitor, 1_000);
    }
    expect(door.size).toBe(0);
    door.setBans([{ network: '203.0.113.7', reason: '' }]);
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBe('banned');
  });

  it('refuses the banned with the reason and the end, until then', () => {
    const door = doorOf({});
    const untilUnixMs = unixMs + 60_000;
    door.setBans([{ network: '203.0.113.0/24', reason: 'a flood', untilUnixMs }]);
    const refused = door.admit('::ffff:203.0.113.9', 0) as Refusal;
    expect(refused.reason).toBe('banned');
    expect(refused.text).toBe(
      `Your address is banned from this pool until ${new Date(untilUnixMs).toISOString()}: a flood`,
    );
    unixMs = untilUnixMs;
    expect(reasonOf(door.admit('203.0.113.9', 0))).toBeUndefined();
  });

  it('lets an address wait after many faults in a row, longer every time', () => {
    const door = doorOf({});
    const scan = (): void => {
      for (let index = 0; index < 20; index++) {
        const visitor = door.admit('203.0.113.7', 0) as Visitor;
        expect(visitor).toBeInstanceOf(Visitor);
        door.fault(visitor, 5);
        door.leave(visitor);
      }
    };
    scan();
    expect(door.admit('203.0.113.7', 0)).toMatchObject({
      reason: 'delayed',
      text: expect.stringContaining('in 5 s'),
    });
    nowMs += 5_000;
    scan();
    expect(door.admit('203.0.113.7', 0)).toMatchObject({
      reason: 'delayed',
      text: expect.stringContaining('in 10 s'),
    });
  });

  it('never lets an address wait where miners work', () => {
    const door = doorOf({});
    const miner = door.admit('203.0.113.7', 0) as Visitor;
    miner.authorized++;
    door.fault(miner, 1_000);
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBeUndefined();
    miner.authorized--;
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBe('delayed');
  });

  it('remembers a bounded number of addresses, and who waits is not forgotten for others', () => {
    const door = doorOf({ connectionsPerAddress: 2, connectsPerAddress: { perSecond: 1, burst: 2 } }, 100);
    const flooder = door.admit('203.0.113.7', 0) as Visitor;
    door.fault(flooder, 100);
    door.leave(flooder);
    const addressOf = (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
    let admitted = 0;
    for (let index = 0; index < 50_000; index++) {
      if (index % 100 === 0) nowMs += 1;
      const visitor = door.admit(addressOf(index), 0);
      if (visitor instanceof Visitor) {
        admitted++;
        door.leave(visitor);
      }
    }
    expect(door.size).toBeLessThanOrEqual(100);
    // Ever new addresses share what is left when the places are taken: the flood limits itself.
    expect(admitted).toBeLessThan(1_000);
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBe('delayed');
  });

  it('is not confused by a clock that steps back', () => {
    const door = doorOf({ connectsPerAddress: { perSecond: 1, burst: 2 } });
    nowMs = 1_000_000;
    const [first, second] = [door.admit('203.0.113.7', 0), door.admit('203.0.113.7', 0)];
    expect([reasonOf(first), reasonOf(second)]).toEqual([undefined, undefined]);
    nowMs = 0;
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBe('connect_rate');
    nowMs = 1_000;
    expect(reasonOf(door.admit('203.0.113.7', 0))).toBeUndefined();
  });
});

describe('the waits of rigs', () => {
  it('are of one rig at one address: neighbours and the same rig elsewhere may log in', () => {
    const penalties = new LoginPenalties(PENALTIES, 100);
    penalties.strike('4:cb007107/32', 'kaspa:qz.rig', 0);
    expect(penalties.waitMs('4:cb007107/32', 'kaspa:qz.rig', 1_000)).toBe(4_000);
    expect(penalties.waitMs('4:cb007107/32', 'kaspa:qz.other', 1_000)).toBe(0);
    expect(penalties.waitMs('4:cb007108/32', 'kaspa:qz.rig', 1_000)).toBe(0);
  });

  it('grow with every drop', () => {
    const penalties = new LoginPenalties(PENALTIES, 100);
    const waits = Array.from({ length: 4 }, () => {
      penalties.strike('source', 'rig', 0);
      return penalties.waitMs('source', 'rig', 0);
    });
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000]);
  });
});
