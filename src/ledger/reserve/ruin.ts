/**
 * How likely a PPS reserve runs dry. Pure. In flow the value of a block, how many come a day, what is paid for the work of one, and
 * the reserve; out flow probabilities and the reserves that keep them small.
 *
 * Blocks come as a Poisson process of rate r; each adds V to the reserve, and miners take c V r a day, steadily (c = 1 - fee when the
 * fee stays in the reserve). Downwards the reserve moves without jumps, so for ever
 *
 *   P(ruin) = exp(-q R / V),  q > 0 with  exp(-q) = 1 - c q     (exact; no such q when c >= luck: then ruin is certain)
 *
 * For a small fee f, q = 2 f, which is Rosenfeld's R = V ln(1/p) / (2 f) ("Analysis of Bitcoin Pooled Mining Reward Systems", 2011).
 * Within a time T the reserve is taken as a Brownian motion of drift m and variance s2 a day, started at R:
 *
 *   P(ruin by T) = N((-R - m T) / (s sqrt T)) + exp(-2 m R / s2) N((-R + m T) / (s sqrt T))
 */

export interface ReserveWalk {
  /** Mean value of a block, sompi. Doubles here: these are estimates, no balances. */
  readonly blockSompi: number;
  /** Paid blocks a day that the hashrate is worth, at luck 1. */
  readonly blocksPerDay: number;
  /** Paid blocks over expected ones. */
  readonly luck: number;
  /** Of the value of expected blocks, what leaves the reserve: 1 - fee, or 1 when the fee is taken out. */
  readonly paidOut: number;
  readonly reserveSompi: number;
}

/** For ever. */
export function ruinProbability(walk: ReserveWalk): number {
  const exponent = ruinExponent(walk.paidOut / walk.luck);
  return exponent === 0 ? 1 : Math.exp((-exponent * Math.max(0, walk.reserveSompi)) / walk.blockSompi);
}

/** Reserve with which ruin, ever, is as likely as that; infinite when the mean goes down. */
export function reserveFor(probability: number, walk: Omit<ReserveWalk, 'reserveSompi'>): number {
  const exponent = ruinExponent(walk.paidOut / walk.luck);
  return exponent === 0 ? Number.POSITIVE_INFINITY : (walk.blockSompi * Math.log(1 / probability)) / exponent;
}

export function ruinWithin(walk: ReserveWalk, days: number): number {
  const { blockSompi, blocksPerDay, luck, paidOut } = walk;
  const reserve = Math.max(0, walk.reserveSompi);
  const drift = (luck - paidOut) * blocksPerDay * blockSompi;
  const variance = luck * blocksPerDay * blockSompi ** 2;
  const spread = Math.sqrt(variance * days);
  if (spread === 0) return reserve + drift * days > 0 ? 0 : 1;
  const direct = normal((-reserve - drift * days) / spread);
  const mirrored = normal((-reserve + drift * days) / spread);
  // exp() may overflow where the other factor is nothing: a losing pool with a large reserve.
  const reflected = mirrored === 0 ? 0 : Math.exp((-2 * drift * reserve) / variance + Math.log(mirrored));
  return Math.min(1, direct + reflected);
}

/** Reserve with which ruin within so many days is as likely as that. */
export function reserveWithin(
  probability: number,
  walk: Omit<ReserveWalk, 'reserveSompi'>,
  days: number,
): number {
  const likely = (reserveSompi: number) => ruinWithin({ ...walk, reserveSompi }, days);
  let high = walk.blockSompi;
  while (likely(high) > probability && high < 1e300) high *= 2;
  let low = 0;
  for (let steps = 0; steps < 80; steps++) {
    const middle = (low + high) / 2;
    if (likely(middle) > probability) low = middle;
    else high = middle;
  }
  return high;
}

/** The q above, by halving: the difference is below zero between nothing and q, and above it beyond. 0 = there is none. */
function ruinExponent(paidOut: number): number {
  if (paidOut >= 1) return 0;
  if (paidOut <= 0) return Number.POSITIVE_INFINITY;
  const difference = (q: number) => Math.exp(-q) - 1 + paidOut * q;
  let high = 1;
  while (difference(high) < 0) high *= 2;
  let low = 0;
  for (let steps = 0; steps < 100; steps++) {
    const middle = (low + high) / 2;
    if (difference(middle) < 0) low = middle;
    else high = middle;
  }
  return high;
}

/** Of the standard normal distribution, off by less than 1.2e-7 of its value: the tail counts here (Numerical Recipes, erfc). */
function normal(x: number): number {
  const size = Math.abs(x) / Math.SQRT2;
  const t = 1 / (1 + size / 2);
  const coefficients = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587,
    -0.82215223, 0.17087277,
  ];
  const series = coefficients.reduceRight((sum, one) => sum * t + one, 0);
  const tail = (t * Math.exp(-size * size + series)) / 2;
  return x <= 0 ? tail : 1 - tail;
}
