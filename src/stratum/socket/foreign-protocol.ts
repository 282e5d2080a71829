/**
 * Who else knocks on a stratum port: browsers and scanners (HTTP), miners set to TLS on the plain port, balancers that
 * announce themselves with a PROXY header this port does not expect. Recognised by their first bytes; they get no reply, since none
 * that we could write would mean anything to them. Pure.
 */

export type ForeignProtocol = 'http' | 'tls' | 'proxy_header';

/** A TLS record of type handshake. No JSON begins with it, and no newline may ever follow it: look before framing. */
const TLS_HANDSHAKE = 0x16;

const FIRST_WORDS: readonly (readonly [string, ForeignProtocol])[] = [
  ['GET ', 'http'],
  ['POST ', 'http'],
  ['PUT ', 'http'],
  ['HEAD ', 'http'],
  ['DELETE ', 'http'],
  ['OPTIONS ', 'http'],
  ['PATCH ', 'http'],
  ['CONNECT ', 'http'],
  ['TRACE ', 'http'],
  ['PRI * HTTP/2', 'http'],
  ['SM', 'http'],
  ['PROXY ', 'proxy_header'],
  // The signature of PROXY v2 is blank lines, a NUL and this word.
  ['QUIT', 'proxy_header'],
];

const LONGEST = Math.max(...FIRST_WORDS.map(([word]) => word.length));

export function isTlsHello(firstChunk: Buffer): boolean {
  return firstChunk[0] === TLS_HANDSHAKE;
}

/** Of the first line of a connection. */
export function foreignProtocolOf(buffer: Buffer, start: number, end: number): ForeignProtocol | undefined {
  const opening = buffer.toString('latin1', start, Math.min(end, start + LONGEST));
  return FIRST_WORDS.find(([word]) => opening.startsWith(word))?.[1];
}
