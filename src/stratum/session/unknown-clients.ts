/**
 * Clients of whom no dialect row knows: what they said is kept for the operator, and when they leave at once, twice, the next of
 * their kind is spoken to in another shape. Somebody whose firmware we never saw should get a second try without a release of ours.
 *
 *   unknown agent --default--> leaves within 2 s, twice --two-param--> leaves, twice --asic-hex--> leaves, twice --default--> ...
 *                                      stays: the shape is kept for this address and agent
 *
 * Pure: time comes in as a number. Strangers write both the address and the agent, so both tables have an end.
 */
import { DIALECTS, type Dialect, SHAPES_TO_TRY } from '../protocol/dialects.ts';

export interface Handshake {
  readonly userAgent: string;
  readonly remoteAddress: string;
  /** The lines up to authorize, as they came. */
  readonly lines: string;
  /** Monotonic ms. */
  readonly atMs: number;
}

export interface UnknownClientLimits {
  readonly handshakesKept: number;
  readonly shapesRemembered: number;
  /** Leaving sooner than this after the first pushes is a word about them. */
  readonly quickDropMs: number;
  /** Two drops further apart than this have nothing to do with each other. */
  readonly quickDropMemoryMs: number;
}

interface Trial {
  /** Index into SHAPES_TO_TRY. */
  shape: number;
  drops: number;
  droppedAtMs: number;
}

const DROPS_BEFORE_CHANGE = 2;

export class UnknownClients {
  readonly #limits: UnknownClientLimits;
  /** By agent, the oldest first. */
  readonly #handshakes = new Map<string, Handshake>();
  /** By address and agent, the longest untouched first. */
  readonly #trials = new Map<string, Trial>();

  constructor(limits: UnknownClientLimits) {
    this.#limits = limits;
  }

  /** The row to speak to it in. */
  dialectFor(remoteAddress: string, userAgent: string): Dialect {
    const trial = this.#trials.get(keyOf(remoteAddress, userAgent));
    return trial === undefined ? DIALECTS.default : SHAPES_TO_TRY[trial.shape]!;
  }

  /** True: the first of its agent, so worth a line in the log. */
  keep(handshake: Handshake): boolean {
    if (this.#handshakes.has(handshake.userAgent)) return false;
    makeRoom(this.#handshakes, this.#limits.handshakesKept);
    this.#handshakes.set(handshake.userAgent, handshake);
    return true;
  }

  get handshakes(): readonly Handshake[] {
    return [...this.#handshakes.values()];
  }

  /**
   * One of them has gone by itself.
   * @param stayedMs since it was authorized
   * @param worked it had a share accepted
   */
  left(remoteAddress: string, userAgent: string, stayedMs: number, worked: boolean, nowMs: number): void {
    // Without a name it is as likely a probe as a miner, and there may be many different ones behind an address.
    if (userAgent === '') return;
    const key = keyOf(remoteAddress, userAgent);
    const known = this.#trials.get(key);
    if (worked || stayedMs > this.#limits.quickDropMs) {
      if (known !== undefined) known.drops = 0;
      return;
    }
    const trial = known ?? { shape: 0, drops: 0, droppedAtMs: nowMs };
    if (nowMs - trial.droppedAtMs > this.#limits.quickDropMemoryMs) trial.drops = 0;
    trial.drops++;
    trial.droppedAtMs = nowMs;
    if (trial.drops >= DROPS_BEFORE_CHANGE) {
      trial.drops = 0;
      trial.shape = (trial.shape + 1) % SHAPES_TO_TRY.length;
    }
    this.#trials.delete(key);
    makeRoom(this.#trials, this.#limits.shapesRemembered);
    this.#trials.set(key, trial);
  }
}

function keyOf(remoteAddress: string, userAgent: string): string {
  return `${remoteAddress} ${userAgent}`;
}

/** A Map hands out its keys in the order in which they came. */
function makeRoom<T>(map: Map<string, T>, sizeMax: number): void {
  for (const oldest of map.keys()) {
    if (map.size < sizeMax) return;
    map.delete(oldest);
  }
}
