/**
 * Whom a request counts for, as a key for rate limits. Pure.
 *
 * In: the peer's address as an engine writes it, and x-forwarded-for. Out: one IPv4 address, or one IPv6 network of 64 bits, which
 * is what a customer of a provider has for himself. The header is believed of a proxy on this very machine only, and of it only
 * the last name, which that proxy wrote itself.
 */
import { isIPv4, isIPv6 } from 'node:net';

export function clientKey(peer: string, forwardedFor: string): string {
  const own = keyOf(peer);
  if (!own.startsWith('127.') && own !== LOOPBACK_NETWORK) return own;
  const named = forwardedFor.slice(forwardedFor.lastIndexOf(',') + 1).trim();
  return isIPv4(named) || isIPv6(named) ? keyOf(named) : own;
}

const LOOPBACK_NETWORK = '0:0:0:0';

function keyOf(address: string): string {
  // Without a colon there is no need for the long pattern.
  if (!address.includes(':') || !isIPv6(address)) return address;
  const groups = groupsOf(address);
  // ::ffff:a.b.c.d is an IPv4 peer on a socket of both families.
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.');
  return groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':');
}

/** @param address passed `isIPv6` */
function groupsOf(address: string): number[] {
  const text = address.replace(/%.*$/, '').replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes: string[]) => {
    const [a, b, c, d] = bytes.map(Number) as [number, number, number, number];
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [front = '', back] = text.split('::');
  const parts = (side: string): number[] =>
    side === '' ? [] : side.split(':').map((group) => Number(`0x${group}`));
  if (back === undefined) return parts(front);
  const [before, after] = [parts(front), parts(back)];
  return [...before, ...new Array<number>(Math.max(0, 8 - before.length - after.length)).fill(0), ...after];
}
