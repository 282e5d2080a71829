import { describe, expect, it } from 'vitest';
import { clientKey } from '../../../src/api/client-key.ts';

describe('whom a request counts for', () => {
  it.each([
    ['203.0.113.9', '', '203.0.113.9'],
    ['::ffff:203.0.113.9', '', '203.0.113.9'],
    ['0000:0000:0000:0000:0000:ffff:cb00:7109', '', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '', '2001:db8:1:2'],
    ['2001:0db8:0001:0002:ffff:ffff:ffff:ffff', '', '2001:db8:1:2'],
    ['2001:db8::1', '', '2001:db8:0:0'],
    ['fe80::1%eth0', '', 'fe80:0:0:0'],
    ['', '', ''],
  ])('is, for the peer %s and no proxy, %s%s', (peer, forwarded, key) => {
    expect(clientKey(peer, forwarded)).toBe(key);
  });

  it('believes a proxy on this machine, and only the name that it added itself', () => {
    for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(clientKey(peer, '198.51.100.1, 203.0.113.9')).toBe('203.0.113.9');
      expect(clientKey(peer, '2001:db8:1:2:3::4')).toBe('2001:db8:1:2');
    }
    expect(clientKey('127.0.0.1', 'nonsense')).toBe('127.0.0.1');
    expect(clientKey('127.0.0.1', '')).toBe('127.0.0.1');
  });

  it('does not believe anybody else', () => {
    expect(clientKey('203.0.113.9', '198.51.100.1')).toBe('203.0.113.9');
    expect(clientKey('2001:db8::1', '198.51.100.1')).toBe('2001:db8:0:0');
  });
});
