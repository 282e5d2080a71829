import { describe, expect, it } from 'vitest';
import { CLIENT_PROFILES } from '../../../src/miner/client-profiles.ts';
import { JobLineCache, parseServerLine } from '../../../src/miner/server-lines.ts';
import { arrayJob, GENESIS_HASH, GENESIS_TIMESTAMP, hexJob, sizedExtranonce } from './scripted-server.ts';

const { godminer: bitmain, lolminer: lol, iceriver: asic, 'kaspa-miner': tmr } = CLIENT_PROFILES;

describe('lines of a server, as a miner reads them', () => {
  it('reads both job forms to the same bytes, without rounding words beyond 2^53', () => {
    for (const parsed of [parseServerLine(arrayJob('7'), lol), parseServerLine(hexJob('7'), asic)]) {
      expect(parsed.kind).toBe('job');
      if (parsed.kind !== 'job') return;
      expect(parsed.job.id).toBe('7');
      expect(Buffer.from(parsed.job.prePowHash).toString('hex')).toBe(GENESIS_HASH);
      expect(parsed.job.timestampMs).toBe(GENESIS_TIMESTAMP);
    }
  });

  it.each([
    ['a zero word', '["7",[0,2,3,4],5]'],
    ['three words', '["7",[1,2,3],5]'],
    ['a word beyond 64 bits', '["7",[18446744073709551616,2,3,4],5]'],
    ['a zero timestamp', '["7",[1,2,3,4],0]'],
    ['a numeric job id', '[7,[1,2,3,4],5]'],
    ['an endless job id', `["${'1'.repeat(32)}",[1,2,3,4],5]`],
  ])('does not take %s in an array job', (_, params) => {
    const line = `{"id":null,"method":"mining.notify","params":${params}}`;
    expect(parseServerLine(line, bitmain).kind).toBe('violation');
  });

  it.each([
    ['79 digits', 'a'.repeat(79)],
    ['upper case', 'A'.repeat(80)],
    ['an all-zero hash', `${'0'.repeat(64)}b6fb625f7c010000`],
  ])('does not take %s in a hex job', (_, hex) => {
    const line = `{"id":null,"method":"mining.notify","params":["7","${hex}"]}`;
    expect(parseServerLine(line, asic).kind).toBe('violation');
  });

  it('is as strict as kaspa-miner: both keys, codes 20..25, sized extranonce, no unknown push', () => {
    const fault = (line: string): string => {
      const parsed = parseServerLine(line, tmr);
      return parsed.kind === 'violation' ? parsed.fault : parsed.kind;
    };
    expect(fault('{"id":1,"error":[23,"x",null]}')).toBe('reply lacks a key');
    expect(fault('{"id":1,"result":null,"error":[99,"x",null]}')).toBe('error code outside 20..25');
    expect(fault('{"id":null,"method":"mining.set_extranonce","params":["0001"]}')).toBe(
      'extranonce push without its size',
    );
    expect(fault('{"id":null,"method":"mining.ping","params":[]}')).toBe('unknown push');
    expect(fault(sizedExtranonce('0001'))).toBe('extranonce');
    expect(fault('{"id":1,"result":null,"error":[23,"x",null]}')).toBe('reply');
  });

  it('never throws, whatever the line', () => {
    for (const line of [
      '',
      '{',
      'null',
      '[]',
      '7',
      '{"method":7}',
      '{"id":"a"}',
      '{"method":"mining.notify"}',
    ]) {
      for (const profile of Object.values(CLIENT_PROFILES)) {
        expect(parseServerLine(line, profile).kind).toBe('violation');
      }
    }
  });

  it('shares one job object among all connections that get the same line', () => {
    const cache = new JobLineCache();
    const first = cache.parse(arrayJob('7'), lol);
    const second = cache.parse(arrayJob('7'), bitmain);
    expect(first.kind === 'job' && second.kind === 'job' && first.job === second.job).toBe(true);
  });
});
