/**
 * In which order nodes are asked about money. Pure but for what the links remember of themselves. In flow links, out flow those that
 * are connected: first the good ones, synced and about as far as the furthest, in the order of the configuration; then the rest, the
 * furthest first. A node that stands still answers as readily as any other, so being connected is not enough.
 */
import type { NodeLink } from './node-link.ts';

/** 3 s at ten blocks a second. */
const DAA_LAG_MAX = 30n;

export function goodFirst(links: readonly NodeLink[]): readonly NodeLink[] {
  const connected = links.filter((link) => link.connected);
  return [
    ...connected.filter((link) => isGood(link, connected)),
    ...connected.filter((link) => !isGood(link, connected)).sort((a, b) => Number(scoreOf(b) - scoreOf(a))),
  ];
}

/** Synced, about as far as the furthest of these, and with an index by address: one without refuses what is asked most. */
export function isGood(link: NodeLink, among: readonly NodeLink[]): boolean {
  const best = among.reduce((most, one) => (scoreOf(one) > most ? scoreOf(one) : most), 0n);
  const { connected, info } = link;
  return connected && info?.synced === true && info.utxoIndexed && best - scoreOf(link) <= DAA_LAG_MAX;
}

function scoreOf(link: NodeLink): bigint {
  return link.info?.virtualDaaScore ?? 0n;
}
