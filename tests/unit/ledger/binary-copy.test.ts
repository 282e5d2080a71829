import { describe, expect, it } from 'vitest';
import { ShareCopyBuffer } from '../../../src/ledger/binary-copy.ts';

/** The values of one row, read back by the format's own rules. */
function decode(bytes: Buffer): (bigint | number)[][] {
  expect(bytes.subarray(0, 11).toString('latin1')).toBe('PGCOPY\n\xff\r\n\0');
  let at = 19;
  const rows: (bigint | number)[][] = [];
  for (;;) {
    const columns = bytes.readInt16BE(at);
    at += 2;
    if (columns === -1) break;
    const row: (bigint | number)[] = [];
    for (let column = 0; column < columns; column++) {
      const width = bytes.readInt32BE(at);
      at += 4;
      row.push(
        width === 8 ? bytes.readBigInt64BE(at) : width === 4 ? bytes.readInt32BE(at) : bytes.readInt16BE(at),
      );
      at += width;
    }
    rows.push(row);
  }
  expect(at).toBe(bytes.length);
  return rows;
}

const append = (copy: ShareCopyBuffer, workerId: number, nonceLo = 0, nonceHi = 0) =>
  copy.append(
    Date.UTC(2025, 0, 2, 3, 4, 5, 678),
    workerId,
    2 ** 33 + 1,
    nonceLo,
    nonceHi,
    7,
    8,
    9,
    65_535,
    3,
    -31,
    1,
    0,
    3,
  );

describe('the binary COPY form of shares', () => {
  it('writes every column in its width, with times as microseconds from 2000', () => {
    const copy = new ShareCopyBuffer(4);
    append(copy, 2 ** 52 + 5, 0xffff_fffe, 0xffff_ffff);
    const micros = BigInt(Date.UTC(2025, 0, 2, 3, 4, 5, 678) - Date.UTC(2000, 0, 1)) * 1000n;
    expect(decode(copy.finish())).toEqual([
      [micros, 2n ** 52n + 5n, 2n ** 33n + 1n, -2n, 7n, 8, 9, 65_535, 3, -31, 1, 0, 3],
    ]);
  });

  it('carries all 64 bits of a nonce as the signed number with the same bits', () => {
    const copy = new ShareCopyBuffer(4);
    for (const nonce of [0n, 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      append(copy, 1, Number(nonce & 0xffff_ffffn), Number(nonce >> 32n));
      const row = decode(copy.finish())[0]!;
      expect(BigInt.asUintN(64, row[3] as bigint)).toBe(nonce);
      copy.clear();
    }
  });

  it('leaves no trace of a longer batch in the one after it', () => {
    const copy = new ShareCopyBuffer(3);
    for (const worker of [1, 2, 3]) append(copy, worker);
    expect(decode(copy.finish())).toHaveLength(3);
    copy.clear();
    append(copy, 4);
    expect(decode(copy.finish()).map((row) => row[1])).toEqual([4n]);
    append(copy, 5);
    expect(decode(copy.finish()).map((row) => row[1])).toEqual([4n, 5n]);
  });

  it('gives its bytes in pieces, each once', () => {
    const copy = new ShareCopyBuffer(3);
    for (let batch = 0; batch < 2; batch++) {
      copy.clear();
      const pieces: Buffer[] = [];
      for (const worker of [1, 2]) {
        append(copy, worker);
        pieces.push(Buffer.from(copy.piece()));
      }
      append(copy, 3);
      pieces.push(copy.finish());
      expect(decode(Buffer.concat(pieces)).map((row) => row[1])).toEqual([1n, 2n, 3n]);
    }
  });

  it('refuses a row more than it was made for', () => {
    const copy = new ShareCopyBuffer(1);
    append(copy, 1);
    expect(() => append(copy, 2)).toThrow('more than 1 rows');
  });
});
