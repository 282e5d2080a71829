import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Audience,
  type AudienceKind,
  type AudiencePace,
  type ViewerGroup,
} from '../../../src/api/live/audience.ts';

const PACE: AudiencePace = {
  groupViewersMax: 3,
  groupEveryMs: 5,
  roundMs: 900,
  groupsAtOnceMax: 2,
  lateMs: 3,
  restMs: 20,
  restsMax: 0,
  textsMax: 50,
};

interface Seat {
  readonly group: ViewerGroup;
  /** As the hub does it: the last text by itself, then what the group is sent. */
  readonly heard: number[];
}

/** An audience and its viewers, who write down what they hear. Texts are numbers. */
class Hall {
  readonly audience: Audience;
  readonly seats: Seat[] = [];
  readonly perSend: number[] = [];
  nowMs = 0;
  said = 0;

  constructor(kind: AudienceKind, pace = PACE) {
    this.audience = new Audience('topic', kind, pace);
  }

  join(): Seat {
    const seat = { group: this.audience.join(), heard: this.said > 0 ? [this.said] : [] };
    this.seats.push(seat);
    return seat;
  }

  leave(index: number): void {
    const [seat] = this.seats.splice(index, 1);
    if (seat) this.audience.leave(seat.group);
  }

  say(): void {
    this.audience.say(String(++this.said), this.nowMs);
  }

  send(): number | undefined {
    let messages = 0;
    const waitMs = this.audience.send(this.nowMs, (channel, text) => {
      const seats = this.seats.filter(({ group }) => group.channel === channel);
      messages += seats.length;
      for (const seat of seats) seat.heard.push(Number(text));
    });
    this.perSend.push(messages);
    return waitMs;
  }

  /** As the timer does it, until nobody waits or the time is over. */
  run(untilMs: number): void {
    while (this.nowMs < untilMs) {
      const waitMs = this.send();
      if (waitMs === undefined) return;
      this.nowMs += waitMs;
    }
  }
}

function filled(kind: AudienceKind, viewers: number, pace = PACE): Hall {
  const hall = new Hall(kind, pace);
  for (let seat = 0; seat < viewers; seat++) hall.join();
  return hall;
}

describe('an audience', () => {
  it('tells a few viewers all at once', () => {
    const hall = filled('newest', 3);
    hall.say();
    expect(hall.audience.isSmall).toBe(true);
    expect(hall.send()).toBeUndefined();
    expect(hall.seats.map(({ heard }) => heard)).toEqual([[1], [1], [1]]);
  });

  it('tells many one group after the other, each viewer once', () => {
    const hall = filled('newest', 10);
    hall.say();
    expect(hall.send()).toBe(5);
    expect(hall.seats.filter(({ heard }) => heard.length > 0)).toHaveLength(3);
    hall.nowMs = 4;
    expect(hall.send()).toBe(1);
    hall.nowMs = 5;
    hall.run(900);
    expect(hall.seats.map(({ heard }) => heard)).toEqual(Array.from({ length: 10 }, () => [1]));
    expect(hall.nowMs).toBe(15);
  });

  it('tells ten thousand within the second, a group at a time, second by second', () => {
    const hall = filled('newest', 10_000, { ...PACE, groupViewersMax: 64 });
    for (let second = 0; second < 3; second++) {
      hall.nowMs = second * 1_000;
      hall.say();
      hall.run(second * 1_000 + 950);
      expect(
        hall.seats.every(({ heard }) => heard.length === second + 1 && heard.at(-1) === second + 1),
      ).toBe(true);
    }
    expect(Math.max(...hall.perSend)).toBeLessThanOrEqual(64);
  });

  it('goes on where it was when the next text comes early, with the newest', () => {
    const hall = filled('newest', 12);
    hall.say();
    hall.send();
    const [first, ...others] = [0, 3, 6, 9].map((index) => hall.seats[index]!);
    expect(first!.heard).toEqual([1]);
    hall.say();
    hall.nowMs = 5;
    hall.send();
    expect(others[0]!.heard).toEqual([2]);
    hall.run(900);
    expect(others.map(({ heard }) => heard)).toEqual([[2], [2], [2]]);
    expect(first!.heard).toEqual([1, 2]);
  });

  it('leaves nobody without when it is always too slow', () => {
    const hall = filled('newest', 30);
    for (let text = 0; text < 40; text++) {
      hall.say();
      hall.nowMs += 5;
      hall.send();
    }
    const counts = hall.seats.map(({ heard }) => heard.length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    expect(Math.min(...counts)).toBeGreaterThan(2);
  });

  it('is soon in time again after a delay, and by a few groups at once at most', () => {
    const hall = filled('newest', 300);
    hall.say();
    hall.send();
    hall.nowMs = 700;
    hall.run(1_000);
    expect(hall.nowMs).toBeLessThanOrEqual(960);
    expect(Math.max(...hall.perSend)).toBe(6);
    expect(hall.seats.every(({ heard }) => heard.length === 1)).toBe(true);
  });

  it('lets miners go first where turns come late, so many times in a round', () => {
    const hall = new Hall('newest', { ...PACE, restsMax: 2 });
    for (let i = 0; i < 9; i++) hall.join();
    hall.say();
    expect(hall.send()).toBe(5);
    // Twice it comes 4 ms late, and nobody is told.
    hall.nowMs += 9;
    expect(hall.send()).toBe(20);
    hall.nowMs += 24;
    expect(hall.send()).toBe(20);
    expect(hall.perSend).toEqual([3, 0, 0]);
    // The third time they had waited long enough, and in time again there is nothing to rest for.
    hall.nowMs += 24;
    expect(hall.send()).toBe(5);
    hall.nowMs += 5;
    expect(hall.send()).toBeUndefined();
    expect(hall.seats.every(({ heard }) => heard.length === 1)).toBe(true);
  });

  it('gives who comes during a round the last text once', () => {
    const hall = filled('newest', 9);
    hall.say();
    hall.send();
    const late = hall.join();
    hall.nowMs = 5;
    hall.run(900);
    expect(late.heard).toEqual([1]);
    hall.say();
    hall.run(900);
    expect(late.heard).toEqual([1, 2]);
  });

  it('lets a group end whose viewers have all left, waiting or not', () => {
    const hall = filled('newest', 9);
    hall.say();
    hall.send();
    while (hall.seats.length > 0) hall.leave(0);
    const sent = hall.perSend.length;
    hall.nowMs = 5;
    expect(hall.send()).toBeUndefined();
    expect(hall.perSend[sent]).toBe(0);
    expect(hall.audience.viewers).toBe(0);
  });

  it.each(['newest', 'each'] as const)(
    'of kind %s never goes back, sends nothing twice, and ends with the last',
    (kind) => {
      const step = fc.oneof(
        fc.constant('join' as const),
        fc.constant('say' as const),
        fc.record({ passMs: fc.integer({ min: 0, max: 30 }) }),
        fc.record({ leaves: fc.nat(40) }),
      );
      fc.assert(
        fc.property(fc.nat(20), fc.array(step, { maxLength: 60 }), (viewers, steps) => {
          const hall = filled(kind, viewers);
          for (const one of steps) {
            if (one === 'join') hall.join();
            else if (one === 'say') hall.say();
            else if ('passMs' in one) {
              hall.nowMs += one.passMs;
              hall.send();
            } else if (hall.seats.length > 0) hall.leave(one.leaves % hall.seats.length);
          }
          hall.nowMs += 1_000;
          hall.run(hall.nowMs + 10_000);
          for (const { heard } of hall.seats) {
            for (let index = 1; index < heard.length; index++) {
              const step = heard[index]! - heard[index - 1]!;
              expect(kind === 'each' ? step === 1 : step > 0).toBe(true);
            }
            if (hall.said > 0) expect(heard.at(-1)).toBe(hall.said);
          }
        }),
      );
    },
  );
});
