import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VERDICTS } from '../../../src/domain/share.ts';
import { DIALECT_NAMES, DIALECTS, dialectOfUserAgent } from '../../../src/stratum/protocol/dialects.ts';
import { buildJobLines, isSendable } from '../../../src/stratum/protocol/job-lines.ts';
import {
  difficultyText,
  pushDifficulty,
  pushExtranonce,
  RECONNECT,
  replyError,
  replySubscribe,
  replyVerdict,
} from '../../../src/stratum/protocol/messages.ts';

/** The job of the testnet genesis block. */
const GENESIS = {
  jobId: 1,
  prePowHash: Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex'),
  timestampMs: 1633687894966n,
};

describe('a job line', () => {
  it('is byte-exact in the array form, without rounding', () => {
    expect(buildJobLines(GENESIS).array.bytes.toString()).toBe(
      '{"id":null,"jsonrpc":"2.0","method":"mining.notify","params":["1",' +
        '[6609771454773699064,13556611415092893196,16473918277081561826,4461614803248817874],1633687894966]}\n',
    );
  });

  it('is byte-exact in the big form: 80 digits and nothing behind', () => {
    expect(buildJobLines(GENESIS).big.bytes.toString()).toBe(
      '{"id":null,"jsonrpc":"2.0","method":"mining.notify","params":["1",' +
        '"f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3db6fb625f7c010000"]}\n',
    );
  });

  it('says the same as text and as bytes', () => {
    const { array, big } = buildJobLines(GENESIS);
    expect(array.bytes.toString('latin1')).toBe(array.text);
    expect(big.bytes.toString('latin1')).toBe(big.text);
  });

  it('carries the same 40 bytes in both forms, whatever they are', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(hash, fc.bigInt({ min: 1n, max: 2n ** 53n }), (prePowHash, timestampMs) => {
        const lines = buildJobLines({ jobId: 7, prePowHash, timestampMs });
        const words = /\[(\d+),(\d+),(\d+),(\d+)\],(\d+)\]/.exec(lines.array.text)!;
        const fromArray = Buffer.alloc(40);
        for (let word = 0; word < 5; word++) fromArray.writeBigUInt64LE(BigInt(words[word + 1]!), word * 8);
        const fromBig = /"([0-9a-f]{80})"\]/.exec(lines.big.text)![1];
        expect(fromArray.toString('hex')).toBe(fromBig);
        expect(fromArray.subarray(0, 32)).toEqual(Buffer.from(prePowHash));
      }),
    );
  });

  it('is not made of a job that a client would refuse', () => {
    expect(isSendable(GENESIS)).toBe(true);
    expect(isSendable({ ...GENESIS, timestampMs: 0n })).toBe(false);
    expect(isSendable({ ...GENESIS, jobId: 0 })).toBe(false);
    expect(isSendable({ ...GENESIS, jobId: 1_000_000_000 })).toBe(false);
    const zeroWord = Buffer.from(GENESIS.prePowHash);
    zeroWord.fill(0, 8, 16);
    expect(isSendable({ ...GENESIS, prePowHash: zeroWord })).toBe(false);
  });
});

describe('a difficulty', () => {
  it.each([
    [0, '1'],
    [13, '8192'],
    [62, '4611686018427387904'],
    [-1, '0.5'],
    [-3, '0.125'],
    [-16, '0.0000152587890625'],
    [-24, '0.000000059604644775390625'],
  ])('of 2^%i is printed as %s', (log2, text) => {
    expect(difficultyText(log2)).toBe(text);
    expect(Number(text)).toBe(2 ** log2);
  });

  it('is a power of two without point or exponent from 1 up', () => {
    for (let log2 = 0; log2 <= 62; log2++) expect(difficultyText(log2)).toMatch(/^[1-9][0-9]*$/);
    for (let log2 = -31; log2 < 0; log2++) expect(Number(difficultyText(log2))).toBe(2 ** log2);
  });

  it('is pushed as a line', () => {
    expect(pushDifficulty(13)).toBe(
      '{"id":null,"jsonrpc":"2.0","method":"mining.set_difficulty","params":[8192]}\n',
    );
  });
});

describe('a reply', () => {
  it('holds both keys for every verdict, and a code that every client can parse', () => {
    for (const row of VERDICTS) {
      const reply = JSON.parse(replyVerdict(5, row.code));
      expect(Object.keys(reply)).toEqual(['id', 'result', 'error']);
      expect(reply.id).toBe(5);
      if (row.wireCode === 0) {
        expect(reply).toEqual({ id: 5, result: true, error: null });
      } else {
        expect(reply.result).toBeNull();
        expect(reply.error).toEqual([row.wireCode, row.wireText, null]);
        expect(row.wireCode).toBeGreaterThanOrEqual(20);
        expect(row.wireCode).toBeLessThanOrEqual(25);
      }
    }
  });

  it('is byte-exact', () => {
    expect(replyVerdict(5, 1)).toBe('{"id":5,"result":true,"error":null}\n');
    expect(replyVerdict('"abc"', 4)).toBe('{"id":"abc","result":null,"error":[21,"Job not found",null]}\n');
  });

  it('is one bounded ASCII line whatever text it carries', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        const line = replyError('1', 24, text);
        expect(line).toMatch(/^[\x20-\x7e]+\n$/);
        expect(line.length).toBeLessThan(1_400);
        JSON.parse(line);
      }),
    );
  });
});

describe('the dialects', () => {
  it.each([
    ['IceRiverMiner-v1.1', 'asic-hex'],
    ['IceMining', 'asic-hex'],
    ['BzMiner-v11.1.0', 'asic-hex'],
    ['GodMiner/2.0.0', 'bitmain'],
    ['ANTMINER ks5', 'bitmain'],
    ['kaspa-miner/0.2.1', 'two-param'],
    ['Rigel', 'two-param'],
    ['lolMiner 1.72', 'default'],
    ['NiceHash/1.0.0', 'default'],
    ['SRBMiner-MULTI/1.0.8', 'default'],
    ['', undefined],
    ['iBeLink', undefined],
  ])('take "%s" for %s', (userAgent, name) => {
    expect(dialectOfUserAgent(userAgent)?.name).toBe(name);
  });

  it('have no client yet that is told to come back', () => {
    expect(DIALECT_NAMES.filter((name) => DIALECTS[name].understandsReconnect)).toEqual([]);
    expect(JSON.parse(RECONNECT)).toEqual({ id: null, method: 'client.reconnect', params: [] });
  });

  it('answer subscribe in two ways', () => {
    expect(replySubscribe('1', DIALECTS.bitmain, 1)).toBe('{"id":1,"result":[null,"0001",6],"error":null}\n');
    for (const name of DIALECT_NAMES.filter((each) => each !== 'bitmain')) {
      expect(replySubscribe('1', DIALECTS[name], 0)).toBe(
        '{"id":1,"result":[true,"EthereumStratum/1.0.0"],"error":null}\n',
      );
    }
  });

  it('push the extranonce in the shape each client reads', () => {
    const push = (name: keyof typeof DIALECTS): string => pushExtranonce(DIALECTS[name].extranonce, 0xfbba);
    expect(push('asic-hex')).toBe(
      '{"id":null,"jsonrpc":"2.0","method":"mining.set_extranonce","params":["fbba"]}\n',
    );
    expect(push('default')).toBe(push('asic-hex'));
    expect(push('two-param')).toBe('{"id":null,"method":"set_extranonce","params":["fbba",6]}\n');
    expect(push('bitmain')).toContain('"mining.set_extranonce","params":["fbba",6]');
  });
});
