import { describe, expect, it } from 'vitest';
import { isLoopback, placeOf } from '../../../bench/load.ts';

describe('where load may go', () => {
  it('knows what this machine is called', () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])
      expect(isLoopback(address), address).toBe(true);
    for (const address of [
      '10.0.0.1',
      '0.0.0.0',
      '::',
      '::ffff:10.0.0.1',
      '128.0.0.1',
      'localhost',
      'fe80::1',
    ])
      expect(isLoopback(address), address).toBe(false);
  });

  it('resolves names before it judges them', async () => {
    expect(await placeOf('stratum+tcp://localhost:5555', false)).toMatchObject({ port: 5555 });
    expect(await placeOf('[::1]:1', false)).toEqual({ host: '::1', port: 1 });
    await expect(placeOf('10.1.2.3:5555', false)).rejects.toThrow(/not this machine/);
    expect(await placeOf('10.1.2.3:5555', true)).toEqual({ host: '10.1.2.3', port: 5555 });
  });

  it('refuses what is no place', async () => {
    for (const url of ['', 'localhost', 'localhost:0', 'localhost:70000', 'http://localhost:1', 'a b:1'])
      await expect(placeOf(url, true), url).rejects.toThrow(RangeError);
  });
});
