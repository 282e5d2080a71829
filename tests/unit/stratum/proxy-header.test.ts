import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TrustedSources } from '../../../src/stratum/socket/proxy-gate.ts';
import { ProxyHeader, type ProxyOutcome } from '../../../src/stratum/socket/proxy-header.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const v2 = (command: string, family: string, body: string): Buffer =>
  Buffer.from(
    `${SIGNATURE}${command}${family}${(body.length / 2).toString(16).padStart(4, '0')}${body}`,
    'hex',
  );
const TCP4 = 'c0000201c6336401c0001234';
const TCP6 = `20010db8${'0'.repeat(20)}0001${'f'.repeat(32)}c0001234`;
const TCP6_MAPPED = `${'0'.repeat(20)}ffffc0000201${'f'.repeat(32)}c0001234`;
const TLV = '0400030a0b0c';

const HEADERS: readonly (readonly [name: string, bytes: Buffer, address: string])[] = [
  ['v1 TCP4', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n'), '192.0.2.1'],
  ['v1 TCP6', Buffer.from('PROXY TCP6 2001:db8::1 ::1 1 65535\r\n'), '2001:db8::1'],
  ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), ''],
  ['v1 UNKNOWN with words', Buffer.from('PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n'), ''],
  ['v2 TCP4', v2('21', '11', TCP4), '192.0.2.1'],
  ['v2 TCP4 with extensions', v2('21', '11', TCP4 + TLV), '192.0.2.1'],
  ['v2 TCP6', v2('21', '21', TCP6), '2001:db8::1'],
  ['v1 TCP6 written long', Buffer.from('PROXY TCP6 2001:0DB8:0:0:0:0:0:1 ::1 1 65535\r\n'), '2001:db8::1'],
  ['v1 TCP6 with a zone', Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 1 65535\r\n'), 'fe80::1'],
  ['v1 TCP6 of a mapped IPv4', Buffer.from('PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n'), '192.0.2.1'],
  ['v2 TCP6 of a mapped IPv4', v2('21', '21', TCP6_MAPPED), '192.0.2.1'],
  ['v2 LOCAL', v2('20', '00', ''), ''],
  ['v2 UNSPEC', v2('21', '00', TLV), ''],
];

/** What came out, and the bytes that were not the header's. */
function push(bytes: Buffer, cuts: readonly number[]): { outcome: ProxyOutcome; rest: Buffer } {
  const header = new ProxyHeader();
  const edges = [0, ...[...cuts].sort((a, b) => a - b), bytes.length];
  let outcome: ProxyOutcome = { kind: 'more' };
  for (let i = 1; i < edges.length; i++) {
    const chunk = bytes.subarray(edges[i - 1], edges[i]);
    if (chunk.length === 0) continue;
    outcome = header.push(chunk);
    if (outcome.kind === 'fault') break;
    if (outcome.kind === 'header') return { outcome, rest: bytes.subarray(edges[i - 1]! + outcome.end) };
  }
  return { outcome, rest: Buffer.alloc(0) };
}

describe('a PROXY header', () => {
  const line = Buffer.from('{"id":1,"method":"mining.subscribe","params":[]}\n');

  it.each(HEADERS)(
    '%s is read in whatever pieces it comes, and takes no byte of what follows',
    (_, bytes, address) => {
      const all = Buffer.concat([bytes, line]);
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 1, max: all.length - 1 }), { maxLength: 12 }), (cuts) => {
          const { outcome, rest } = push(all, cuts);
          expect(outcome).toMatchObject({ kind: 'header', address });
          expect(rest.subarray(-line.length).equals(line) || line.subarray(0, rest.length).equals(rest)).toBe(
            true,
          );
        }),
      );
      expect(push(all, []).rest.equals(line)).toBe(true);
    },
  );

  it.each(HEADERS)('%s is waited for until its last byte', (_, bytes) => {
    for (let length = 1; length < bytes.length; length++)
      expect(push(bytes.subarray(0, length), []).outcome.kind).toBe('more');
  });

  it.each([
    ['a stratum line', line],
    ['nothing of the kind', Buffer.from('GET / HTTP/1.1\r\n')],
    ['lower case', Buffer.from('proxy TCP4 192.0.2.1 198.51.100.1 56324 443\r\n')],
    ['no CR', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n')],
    ['a wrong address', Buffer.from('PROXY TCP4 192.0.2.256 198.51.100.1 56324 443\r\n')],
    ['an address of another family', Buffer.from('PROXY TCP4 2001:db8::1 ::1 1 2\r\n')],
    ['a port too high', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n')],
    ['a port with a sign', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 +1 443\r\n')],
    ['a word too many', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.1 1 443 5\r\n')],
    ['a line without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}`)],
    ['a line too long', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)],
    ['version 3', v2('31', '11', TCP4)],
    ['an unknown command', v2('22', '11', TCP4)],
    ['no room for the addresses', v2('21', '11', TCP4.slice(2))],
    ['a length beyond all balancers', Buffer.from(`${SIGNATURE}2111ffff`, 'hex')],
  ])('%s is a fault with a reason', (_, bytes) => {
    const { outcome } = push(bytes, []);
    expect(outcome.kind).toBe('fault');
  });

  it('never throws, whatever comes', () => {
    const start = fc.constantFrom(Buffer.alloc(0), Buffer.from('PROXY '), Buffer.from(SIGNATURE, 'hex'));
    fc.assert(
      fc.property(start, fc.uint8Array({ minLength: 1, maxLength: 700 }), (head, tail) => {
        const bytes = Buffer.concat([head, tail]);
        expect(['more', 'header', 'fault']).toContain(push(bytes, [3, 20, 100]).outcome.kind);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('trusted sources', () => {
  it('are addresses and networks of both families, mapped ones too', () => {
    const trusted = new TrustedSources(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
    for (const address of ['10.1.2.3', '192.0.2.7', '2001:db8:1::1', '::ffff:10.9.9.9'])
      expect(trusted.includes(address), address).toBe(true);
    for (const address of ['11.0.0.1', '192.0.2.8', '2001:db9::1', '::1', '', 'nonsense'])
      expect(trusted.includes(address), address).toBe(false);
  });
});
