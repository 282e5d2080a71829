/**
 * Pots: one per reward scheme. In flows the scheme of a port, out flows the number that stands in journal records and in the table
 * `pots`. A number never gets another meaning: shares of years ago carry it. Pure.
 */

export const POTS = { pplns: 1, prop: 2, solo: 3, pps: 4, fpps: 5, points: 6 } as const;
export type SchemeName = keyof typeof POTS;

/** What a record without a pot belongs to: it was written before ports had schemes, and PPLNS was the only one. */
export const POT_DEFAULT = POTS.pplns;

/** A journal's u16 of port and pot: records written before there were pots have 0 in the high byte. */
export const POT_SHIFT = 8;
export const PORT_MASK = 0xff;

export function withPot(portIndex: number, pot: number): number {
  return portIndex | (pot << POT_SHIFT);
}

export function portOf(portAndPot: number): number {
  return portAndPot & PORT_MASK;
}

export function potOf(portAndPot: number): number {
  return portAndPot >>> POT_SHIFT || POT_DEFAULT;
}

/** The scheme's name, or the number of a pot that this build does not know. */
export function schemeOf(pot: number): string {
  return Object.entries(POTS).find(([, number]) => number === pot)?.[0] ?? String(pot);
}
