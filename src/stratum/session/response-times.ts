/**
 * How quick a miner is, from what passes by anyway, since nothing may be asked of it: no Kaspa client knows a ping. Pure.
 *
 *   round trip        in the login, from our reply to its next request: the network both ways, and the client's thinking. The least counts
 *   notify to share   from the announcement of a job to an accepted share for it, looked at once a sweep. Low is good; a miner with seconds
 *                     here hashes on old work
 */

/** Weight of the newest look. */
const NEWEST = 0.2;
/** A client that pipelines sends its next line before it has read our reply: that says nothing. */
const ROUND_TRIP_MS_MIN = 0.05;

export class ResponseTimes {
  /** NaN = not known. */
  roundTripMs = Number.NaN;
  notifyToShareMs = Number.NaN;
  #repliedAtMs = Number.NaN;

  reset(): void {
    this.roundTripMs = Number.NaN;
    this.notifyToShareMs = Number.NaN;
    this.#repliedAtMs = Number.NaN;
  }

  /** A request of the login came, and is answered in this turn. */
  onLoginRequest(nowMs: number): void {
    const tripMs = nowMs - this.#repliedAtMs;
    this.#repliedAtMs = nowMs;
    if (tripMs >= ROUND_TRIP_MS_MIN && !(tripMs >= this.roundTripMs)) this.roundTripMs = tripMs;
  }

  /** What is not above zero belongs to another job than the last share. */
  onShare(delayMs: number): void {
    if (!(delayMs >= 0)) return;
    this.notifyToShareMs = Number.isNaN(this.notifyToShareMs)
      ? delayMs
      : (1 - NEWEST) * this.notifyToShareMs + NEWEST * delayMs;
  }
}
