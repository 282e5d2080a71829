/** Lines that no client sends, made of lines that clients send: by bytes, by pieces, and by what parsers stumble over. */
const DICTIONARY = [
  ...[
    '"id":',
    '"method":',
    '"params":',
    '"mining.submit"',
    '"mining.authorize"',
    '"error":null',
    'null',
    'true',
  ],
  ...['-1', '0', '1e999', '-0', '9007199254740993', '18446744073709551616', '999999999', '1000000000', '0.1'],
  ...['0x', '0X', '00', 'ffffffffffffffff', '10000000000000000', '+1', ' 1', '1 ', '٣', '\\u0031', '\\u0000'],
  ...['[', ']', '{', '}', '"', '\\', ',', ':', '[[[[', '{{{{', '\r', '\t', '\0', '\x7f', '\xff', '\xc3\x28'],
  ...[
    '__proto__',
    'constructor',
    'kaspa:',
    '.',
    ';d=',
    ';s=bitmain',
    'd=0',
    'd=1e9',
    '\u2028',
    '/*',
    '//',
    'NaN',
  ],
].map((text) => Buffer.from(text, 'latin1'));

const LONG_PIECE_MAX = 9_000;
const MUTATIONS_MAX = 6;

export class Mutator {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Never with a newline: what comes out is one line. */
  mutate(seeds: readonly Buffer[]): Buffer {
    let line: Buffer = Buffer.from(this.pick(seeds));
    for (let count = this.below(MUTATIONS_MAX); count > 0; count--) line = this.#once(line, seeds);
    for (let at = line.indexOf(0x0a); at >= 0; at = line.indexOf(0x0a, at)) line[at] = 0x20;
    return line;
  }

  #once(line: Buffer, seeds: readonly Buffer[]): Buffer {
    const at = this.below(line.length + 1);
    const to = Math.min(line.length, at + this.below(12));
    const [head, middle, tail] = [line.subarray(0, at), line.subarray(at, to), line.subarray(to)];
    switch (this.below(9)) {
      case 0: {
        const changed = Buffer.from(line);
        if (at < changed.length) changed[at] = changed[at]! ^ (1 << this.below(8));
        return changed;
      }
      case 1:
        return Buffer.concat([head, tail]);
      case 2:
        return Buffer.concat([head, this.pick(DICTIONARY), middle, tail]);
      case 3:
        return Buffer.concat([head, this.pick(DICTIONARY), tail]);
      case 4:
        return Buffer.concat([head, middle, middle, middle, tail]);
      case 5: {
        const other = this.pick(seeds);
        return Buffer.concat([head, other.subarray(this.below(other.length + 1))]);
      }
      case 6:
        return Buffer.concat([head, Buffer.of(this.below(256)), tail]);
      case 7:
        return Buffer.from(line.toString('latin1').replace(/\d+/, String(this.below(2 ** 31))), 'latin1');
      default:
        // Seldom: it costs as much as a hundred others.
        return this.below(200) === 0
          ? Buffer.concat([head, Buffer.alloc(this.below(LONG_PIECE_MAX), this.pick(DICTIONARY)), tail])
          : head;
    }
  }
}
