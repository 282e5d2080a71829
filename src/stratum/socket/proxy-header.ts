/**
 * The PROXY protocol's header, versions 1 and 2: who a connection is really from, said by a load balancer in front. Pure, and read in
 * whatever pieces the bytes come.
 *
 *   v1   PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n        107 bytes at most; PROXY UNKNOWN ...\r\n says nothing
 *   v2   12 signature | version 2, command | family, transport | length u16 | addresses, then extensions of `length`
 *
 * Source: haproxy.org, proxy-protocol.txt. Extensions are skipped; LOCAL (the balancer's own health check) and UNKNOWN leave the
 * connection what it is.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export type ProxyOutcome =
  | { readonly kind: 'more' }
  /**
   * The address in one spelling, whatever version it came by; '' = the header names nobody. What follows the header lies from `end` on in the chunk that was pushed last.
   */
  | { readonly kind: 'header'; readonly address: string; readonly end: number }
  | { readonly kind: 'fault'; readonly reason: string };

/** An IPv4 address as a socket of both families shows it. */
export const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

const V1_START = Buffer.from('PROXY ');
const V1_BYTES_MAX = 107;
const V2_SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const V2_HEAD_BYTES = 16;
/** The specification lets a receiver assume that 536 bytes come in one piece; who needs more is not a balancer. */
const V2_BYTES_MAX = 536;
const V2_LOCAL = 0x20;
const V2_PROXY = 0x21;
const V2_TCP4 = 0x11;
const V2_TCP6 = 0x21;
const IPV4_PART = 12;
const IPV6_PART = 36;
const LF = 0x0a;
const MORE: ProxyOutcome = { kind: 'more' };

export class ProxyHeader {
  #bytes = Buffer.alloc(0);

  /** Not to be called again after anything but `more`. */
  push(chunk: Buffer): ProxyOutcome {
    const before = this.#bytes.length;
    // Never more than the longest header is kept, whatever comes.
    this.#bytes = Buffer.concat([this.#bytes, chunk.subarray(0, V2_BYTES_MAX - before + 1)]);
    const outcome = read(this.#bytes);
    return outcome.kind === 'header' ? { ...outcome, end: outcome.end - before } : outcome;
  }
}

function read(bytes: Buffer): ProxyOutcome {
  if (startsLike(bytes, V2_SIGNATURE)) return bytes.length < V2_HEAD_BYTES ? MORE : readV2(bytes);
  if (startsLike(bytes, V1_START)) return readV1(bytes);
  return fault('no PROXY header');
}

/** As far as there are bytes. */
function startsLike(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length);
  return bytes.subarray(0, length).equals(expected.subarray(0, length));
}

function readV1(bytes: Buffer): ProxyOutcome {
  const newline = bytes.indexOf(LF);
  if (newline < 0) return bytes.length > V1_BYTES_MAX ? fault('a PROXY line without an end') : MORE;
  if (newline >= V1_BYTES_MAX) return fault('a PROXY line that is too long');
  const end = newline + 1;
  const line = bytes.toString('latin1', 0, end);
  if (!line.endsWith('\r\n')) return fault('a PROXY line without CRLF');
  const [, family, source, target, sourcePort, targetPort, ...more] = line.slice(0, -2).split(' ');
  if (family === 'UNKNOWN') return { kind: 'header', address: '', end };
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) return fault('a PROXY line of an unknown family');
  const good =
    more.length === 0 &&
    isAddress(source ?? '') &&
    isAddress(target ?? '') &&
    isPort(sourcePort) &&
    isPort(targetPort);
  return good
    ? { kind: 'header', address: oneSpelling(source!), end }
    : fault('a PROXY line that names no address');
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function readV2(bytes: Buffer): ProxyOutcome {
  const command = bytes[12]!;
  const family = bytes[13]!;
  const length = bytes.readUInt16BE(14);
  if (command !== V2_LOCAL && command !== V2_PROXY)
    return fault('a PROXY header of an unknown version or command');
  const end = V2_HEAD_BYTES + length;
  if (end > V2_BYTES_MAX) return fault('a PROXY header that is too long');
  if (bytes.length < end) return MORE;
  if (command === V2_LOCAL) return { kind: 'header', address: '', end };
  const part = bytes.subarray(V2_HEAD_BYTES, end);
  if (family === V2_TCP4)
    return part.length < IPV4_PART
      ? fault('a PROXY header without room for its addresses')
      : { kind: 'header', address: part.subarray(0, 4).join('.'), end };
  if (family === V2_TCP6)
    return part.length < IPV6_PART
      ? fault('a PROXY header without room for its addresses')
      : { kind: 'header', address: ipv6Text(part), end };
  // UNSPEC, UDP, sockets of the file system: known to the protocol, and nobody that we could name.
  return { kind: 'header', address: '', end };
}

function ipv6Text(bytes: Buffer): string {
  const words = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return oneSpelling(words.join(':'));
}

/** One miner is one address, whichever way a balancer writes it: as the shortest IPv6, and IPv4 that was mapped into it as IPv4. */
function oneSpelling(address: string): string {
  if (isIPv4(address)) return address;
  const short = new SocketAddress({ address: withoutZone(address), family: 'ipv6' }).address;
  return MAPPED_IPV4.exec(short)?.[1] ?? short;
}

/** `fe80::1%eth0`: the zone is a matter of the balancer's machine. */
function withoutZone(address: string): string {
  return address.split('%', 1)[0]!;
}

function fault(reason: string): ProxyOutcome {
  return { kind: 'fault', reason };
}
