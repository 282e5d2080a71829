/**
 * Who watches one topic, in groups that are told one after the other. Pure: time is an argument. In: texts. Out: which group is to be
 * sent what, and when somebody has to look again.
 *
 * Ten thousand viewers told at once are a tenth of a second in which a core does nothing else, and the p99 of miners' answers was three
 * to four times as long for it. So a text goes out in slices, one group after the other:
 *
 *   say 1                                          say 2
 *   |A B C D E F . . . . . . (of a second) . . . . |A B C D E F
 *   +--> 5 ms each, sooner where they are very many
 *
 * The group that was told longest ago is first, and what it gets is the newest: nobody's order ever goes back, and where a round is not
 * over when the next text comes, it goes on where it was. So all fall behind alike, and nobody stays without. A turn that comes late
 * says that cores are short: then viewers wait, some times in a round, and miners go first.
 */

/** `newest`: a text replaces the one before. `each`: they are news, and everybody is to get all of them. */
export type AudienceKind = 'newest' | 'each';

export interface AudiencePace {
  /** Told in one go: 8 us of writing each, and as much of reading where viewers are on this machine. */
  readonly groupViewersMax: number;
  readonly groupEveryMs: number;
  /** A round takes no longer, however many groups: it must be over before the next second. */
  readonly roundMs: number;
  /** After a delay a few groups may go together, so that the round still ends in time. */
  readonly groupsAtOnceMax: number;
  /** A turn that comes so late found no core free, and miners have theirs to work off: the group is not told now but after a rest. */
  readonly lateMs: number;
  readonly restMs: number;
  /** Of a round: a machine that is always late must not leave its viewers without. */
  readonly restsMax: number;
  /** News kept for groups that still wait: rounds of half a minute, each with all blocks that a snapshot lists. */
  readonly textsMax: number;
}

export const AUDIENCE_PACE: AudiencePace = {
  groupViewersMax: 64,
  groupEveryMs: 5,
  roundMs: 900,
  groupsAtOnceMax: 4,
  // Timers are 1 ms late by themselves.
  lateMs: 3,
  restMs: 20,
  restsMax: 8,
  textsMax: 600,
};

export interface ViewerGroup {
  /** What the HTTP engine knows it by. */
  readonly channel: string;
}

interface Group extends ViewerGroup {
  viewers: number;
  /** As many texts of the topic it was sent, or was founded after. */
  heard: number;
}

export class Audience {
  readonly #name: string;
  readonly #pace: AudiencePace;
  readonly #textsMax: number;
  /** Both in the order in which they were told, longest ago first. */
  readonly #waiting = new Set<Group>();
  readonly #told = new Set<Group>();
  /** The last of all that were said, none older than somebody waits for. */
  #texts: string[] = [];
  #said = 0;
  #founded = 0;
  #viewers = 0;
  #nextAtMs = 0;
  #endAtMs = 0;
  #restsLeft = 0;

  constructor(name: string, kind: AudienceKind, pace: AudiencePace = AUDIENCE_PACE) {
    this.#name = name;
    this.#pace = pace;
    this.#textsMax = kind === 'newest' ? 1 : pace.textsMax;
  }

  get viewers(): number {
    return this.#viewers;
  }

  /** They are told at once. */
  get isSmall(): boolean {
    return this.#viewers <= this.#pace.groupViewersMax;
  }

  /** Of a group that waits for nothing: whoever comes is given the last text by itself, and must not get it again, or one before it. */
  join(): ViewerGroup {
    let place: Group | undefined;
    for (const group of this.#told) {
      if (group.viewers >= this.#pace.groupViewersMax) continue;
      place = group;
      break;
    }
    if (!place) {
      place = { channel: `${this.#name} ${++this.#founded}`, viewers: 0, heard: this.#said };
      this.#told.add(place);
    }
    place.viewers++;
    this.#viewers++;
    return place;
  }

  leave(left: ViewerGroup): void {
    const group = left as Group;
    this.#viewers--;
    if (--group.viewers > 0) return;
    this.#waiting.delete(group);
    this.#told.delete(group);
  }

  say(text: string, nowMs: number): void {
    this.#said++;
    if (this.#viewers === 0) return;
    if (this.#waiting.size === 0) {
      this.#texts = [];
      this.#nextAtMs = nowMs;
    }
    this.#texts.push(text);
    if (this.#texts.length > this.#textsMax) this.#texts.shift();
    for (const group of this.#told) this.#waiting.add(group);
    this.#told.clear();
    this.#endAtMs = nowMs + this.#pace.roundMs;
    this.#restsLeft = this.#pace.restsMax;
  }

  /** Sends what is due. Returns in how many ms it is to be asked again; undefined: nobody waits. */
  send(nowMs: number, publish: (channel: string, text: string) => void): number | undefined {
    if (this.isSmall) {
      for (const group of this.#waiting) this.#tell(group, publish);
      return undefined;
    }
    if (this.#restsLeft > 0 && nowMs > this.#nextAtMs + this.#pace.lateMs) {
      this.#restsLeft--;
      this.#nextAtMs = nowMs + this.#pace.restMs;
    } else if (nowMs >= this.#nextAtMs) {
      const every = this.#groupEveryMs();
      // More than one only when time is short: a timer was late, or they are very many.
      const leftMs = Math.max(every, this.#endAtMs - nowMs);
      let due = Math.min(this.#pace.groupsAtOnceMax, Math.ceil((this.#waiting.size * every) / leftMs));
      for (const group of this.#waiting) {
        if (due-- === 0) break;
        this.#tell(group, publish);
      }
      this.#nextAtMs = nowMs + every;
    }
    return this.#waiting.size === 0 ? undefined : this.#nextAtMs - nowMs;
  }

  #groupEveryMs(): number {
    const { groupEveryMs, roundMs } = this.#pace;
    return Math.min(groupEveryMs, roundMs / (this.#waiting.size + this.#told.size));
  }

  #tell(group: Group, publish: (channel: string, text: string) => void): void {
    this.#waiting.delete(group);
    this.#told.add(group);
    const missed = Math.min(this.#said - group.heard, this.#texts.length);
    group.heard = this.#said;
    for (const text of this.#texts.slice(this.#texts.length - missed)) publish(group.channel, text);
  }
}
