/**
 * Addresses and networks (`203.0.113.0/24`, `2001:db8::/32`): in one spelling, as keys, and as a table that finds the network that an
 * address lies in. Pure. A look-up costs one hash per length of prefix that occurs, however many networks there are.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import { MAPPED_IPV4 } from '../socket/proxy-header.ts';

interface Parsed {
  readonly family: 4 | 6;
  readonly value: bigint;
}

const BITS = { 4: 32, 6: 128 } as const;
/** Providers give every customer so much at least: whoever has one address of it has all. */
const IPV6_SOURCE_BITS = 64;

function parse(address: string): Parsed | undefined {
  // A zone (`fe80::1%eth0`) is a matter of this machine.
  const plain = MAPPED_IPV4.exec(address)?.[1] ?? address.split('%', 1)[0]!;
  if (isIPv4(plain)) return { family: 4, value: ipv4Value(plain) };
  if (!isIPv6(plain)) return undefined;
  const { address: text } = new SocketAddress({ address: plain, family: 'ipv6' });
  const mapped = MAPPED_IPV4.exec(text)?.[1];
  return mapped === undefined
    ? { family: 6, value: ipv6Value(text) }
    : { family: 4, value: ipv4Value(mapped) };
}

function ipv4Value(text: string): bigint {
  return text.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function ipv6Value(text: string): bigint {
  // The last four bytes may be written as an IPv4 address.
  const hex = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) =>
    [(Number(a) << 8) | Number(b), (Number(c) << 8) | Number(d)].map((word) => word.toString(16)).join(':'),
  );
  const [head = '', tail] = hex.split('::');
  const words = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const before = words(head);
  const after = words(tail);
  const zeros = new Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].reduce((value, word) => (value << 16n) | BigInt(`0x${word}`), 0n);
}

function keyOf({ family, value }: Parsed, bits: number): string {
  return `${family}:${(value >> BigInt(BITS[family] - bits)).toString(16)}/${bits}`;
}

/** Who counts as one: an IPv4 address, an IPv6 network of 64 bits. What is no address is itself. */
export function sourceOf(address: string): string {
  const parsed = parse(address);
  if (parsed === undefined) return address;
  return keyOf(parsed, parsed.family === 4 ? BITS[4] : IPV6_SOURCE_BITS);
}

/** Undefined: not a network. */
function networkOf(text: string): { parsed: Parsed; bits: number } | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const parsed = parse(address);
  if (parsed === undefined || more.length > 0) return undefined;
  const most = BITS[parsed.family];
  if (prefix === undefined) return { parsed, bits: most };
  if (!/^\d{1,3}$/.test(prefix)) return undefined;
  // `::ffff:192.0.2.0/120` is 192.0.2.0/24.
  const bits = parsed.family === 4 && isIPv6(address) ? Number(prefix) - 96 : Number(prefix);
  return bits >= 0 && bits <= most ? { parsed, bits } : undefined;
}

/** The same for every spelling of the network; undefined when it is none. */
export function networkKey(text: string): string | undefined {
  const network = networkOf(text);
  return network && keyOf(network.parsed, network.bits);
}

export class NetworkTable<Value> {
  readonly #values = new Map<string, Value>();
  /** Lengths that occur, longest first: the narrowest network says who somebody is. */
  readonly #lengths = { 4: [] as number[], 6: [] as number[] };

  get size(): number {
    return this.#values.size;
  }

  /** False: not a network. */
  set(text: string, value: Value): boolean {
    const network = networkOf(text);
    if (network === undefined) return false;
    const { parsed, bits } = network;
    this.#values.set(keyOf(parsed, bits), value);
    const lengths = this.#lengths[parsed.family];
    if (!lengths.includes(bits)) lengths.push(bits);
    lengths.sort((one, other) => other - one);
    return true;
  }

  find(address: string): Value | undefined {
    if (this.#values.size === 0) return undefined;
    const parsed = parse(address);
    if (parsed === undefined) return undefined;
    for (const bits of this.#lengths[parsed.family]) {
      const value = this.#values.get(keyOf(parsed, bits));
      if (value !== undefined) return value;
    }
    return undefined;
  }
}
