import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRequest } from '../../../src/stratum/protocol/request.ts';
import { readSubmitParams, SubmitFields } from '../../../src/stratum/protocol/submit-fields.ts';
import { SubmitScanner } from '../../../src/stratum/protocol/submit-scanner.ts';
import { loginMarkOf } from '../../../src/stratum/protocol/submit-shape.ts';
import { submitLines } from '../../../wasm/submit-lines.ts';

const EXTRANONCE = 0x0001;
const NONCE = 0x0001_0000_002c_125an;
const LOGIN = 'kaspa:qz4jdyu04hv4hpyy00pl6trzw4gllnhnwy62xattejv2vaj5r0p5quvns058f.rig1';

interface Outcome {
  readonly id: number;
  readonly jobId: number;
  readonly nonce: bigint;
  readonly digits: number;
  readonly login: string;
}

const outcomeOf = (fields: SubmitFields, id: number, login: string): Outcome => ({
  id,
  jobId: fields.jobId,
  nonce: (BigInt(fields.nonceHi) << 32n) | BigInt(fields.nonceLo),
  digits: fields.nonceDigits,
  login,
});

/** All lines come in one buffer, as they do from sockets: nothing may be remembered by where it lay. */
const readBuffer = Buffer.alloc(65_536);

function scanned(line: string | Buffer, scanner = new SubmitScanner()): Outcome | undefined {
  const bytes = typeof line === 'string' ? Buffer.from(line) : line;
  // Bytes before and behind, to catch a scan that leaves its range.
  const padded = readBuffer.subarray(
    0,
    Buffer.concat([Buffer.from('"}'), bytes, Buffer.from('"}],0')]).copy(readBuffer),
  );
  if (!scanner.scan(padded, 2, 2 + bytes.length)) return undefined;
  return outcomeOf(
    scanner.fields,
    scanner.requestId,
    padded.toString('latin1', scanner.loginStart, scanner.loginEnd),
  );
}

/** The line lies where sockets are read into, at the very end of it or at its beginning, and is compared there. */
function scannedThere(line: string | Buffer, scanner: SubmitScanner, atEnd: boolean): Outcome | undefined {
  const { input } = submitLines();
  const bytes = typeof line === 'string' ? Buffer.from(line) : line;
  const at = atEnd ? input.length - bytes.length - 1 : 1;
  input.set(bytes, at);
  input[at - 1] = 0x22;
  input[at + bytes.length] = 0x22;
  if (!scanner.scan(input, at, at + bytes.length)) return undefined;
  const { loginStart, loginEnd } = scanner;
  expect(scanner.loginMark).toBe(loginMarkOf(bytes, loginStart - at, loginEnd - at));
  return outcomeOf(scanner.fields, scanner.requestId, input.toString('latin1', loginStart, loginEnd));
}

function parsed(line: string | Buffer): Outcome | undefined {
  const bytes = typeof line === 'string' ? Buffer.from(line) : line;
  const request = parseRequest(bytes, 0, bytes.length);
  if (request.kind !== 'request' || request.method !== 'mining.submit') return undefined;
  const fields = new SubmitFields();
  if (!readSubmitParams(request.params, fields)) return undefined;
  return outcomeOf(fields, request.idNumber ?? -1, String(request.params[0]));
}

/** Nonce under the session's extranonce, by whichever path. */
function nonceOf(params: readonly unknown[]): bigint | undefined {
  const fields = new SubmitFields();
  if (!readSubmitParams(params, fields)) return undefined;
  fields.placeUnder(EXTRANONCE);
  return (BigInt(fields.nonceHi) << 32n) | BigInt(fields.nonceLo);
}

describe('the submit scanner', () => {
  const nonce = '00010000002c125a';

  it.each([
    ['IceRiver', `{"id":5,"method":"mining.submit","params":["${LOGIN}","34","${nonce}"]}`],
    ['blanks', `{"id": 5, "method": "mining.submit", "params": ["${LOGIN}", "34", "${nonce}"]}`],
    ['TMR', `{"id":5,"method":"mining.submit","params":["${LOGIN}","34","${nonce}"],"error":null}`],
    ['0x', `{"id":5,"method":"mining.submit","params":["${LOGIN}","34","0x${nonce}"]}`],
    [
      'jsonrpc first',
      `{"jsonrpc":"2.0","id":5,"method":"mining.submit","params":["${LOGIN}","34","${nonce}"]}`,
    ],
    ['params first', `{"params":["${LOGIN}","34","${nonce}"],"id":5,"method":"mining.submit"}`],
    ['worker', `{"id":5,"method":"mining.submit","params":["${LOGIN}","34","${nonce}"],"worker":"x"}`],
    ['job number', `{"id":5,"method":"mining.submit","params":["${LOGIN}",34,"${nonce}"]}`],
    ['TABs between', `{"id":\t5,"method":"mining.submit","params":["${LOGIN}",\t"34","${nonce}"]}`],
  ])('reads the shape of %s without JSON.parse', (_name, line) => {
    expect(scanned(line)).toEqual({ id: 5, jobId: 34, nonce: NONCE, digits: 16, login: LOGIN });
    expect(scanned(line)).toEqual(parsed(line));
  });

  it.each([
    ['a string id', `{"id":"5","method":"mining.submit","params":["w","34","2c"]}`],
    ['a repeated key', `{"id":5,"id":6,"method":"mining.submit","params":["w","34","2c"]}`],
    ['an escape', `{"id":5,"method":"mining.submit","params":["w\\u002e","34","2c"]}`],
    ['another method', `{"id":5,"method":"mining.subscribe","params":["w","34","2c"]}`],
    ['five params', `{"id":5,"method":"mining.submit","params":["w","34","e2","0","2c"]}`],
    ['a number as nonce', `{"id":5,"method":"mining.submit","params":["w","34",12]}`],
    ['a leading zero in the job id', `{"id":5,"method":"mining.submit","params":["w","034","2c"]}`],
    ['a leading zero in the id', `{"id":05,"method":"mining.submit","params":["w","34","2c"]}`],
    ['17 digits', `{"id":5,"method":"mining.submit","params":["w","34","00000000000000001"]}`],
    ['no nonce', `{"id":5,"method":"mining.submit","params":["w","34",""]}`],
    ['a trailing comma', `{"id":5,"method":"mining.submit","params":["w","34","2c"],}`],
    ['text behind', `{"id":5,"method":"mining.submit","params":["w","34","2c"]} x`],
    ['a missing id', `{"method":"mining.submit","params":["w","34","2c"]}`],
    ['an unfinished line', `{"id":5,"method":"mining.submit","params":["w","34","2c"`],
    ['nothing', ''],
  ])('leaves %s to JSON.parse', (_name, line) => {
    expect(scanned(line)).toBeUndefined();
  });

  it('agrees with JSON.parse on every line it accepts: 60,000 lines of valid and damaged shapes', () => {
    const blank = fc.constantFrom('', '', '', ' ', '  ', '\t', '\r');
    // Mostly well-formed: a line with three faults only shows that it is refused.
    const mostly = (good: fc.Arbitrary<string>, ...odd: string[]) =>
      fc.oneof({ weight: 14, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(...odd) });
    const words = fc.constantFrom('null', 'true', 'false', '"2.0"', '"x"', '7', '0');
    const value = mostly(words, '-1', '1.5', '{}', '[]', '""');
    const id = mostly(fc.nat().map(String), '0', '"7"', 'null', '007', '999999999999999', '1e3');
    const jobs = fc.integer({ min: 1, max: 1_050_000_000 });
    const job = mostly(
      fc.tuple(jobs, fc.boolean()).map(([number, quoted]) => (quoted ? `"${number}"` : `${number}`)),
      ...['"0"', '"01"', '01', '""', '"x"', 'null', '"1 "', '7.0'],
    );
    const hex = fc.string({
      unit: fc.constantFrom(...'0123456789abcdefABCDEF'),
      minLength: 1,
      maxLength: 17,
    });
    const digits = mostly(
      fc.tuple(hex, fc.boolean()).map(([text, prefixed]) => (prefixed ? `0x${text}` : text)),
      ...['', '0X2c', 'zz', '0x', '-1', '2c 5'],
    );
    const login = mostly(fc.constantFrom(LOGIN, 'w'), '', 'é', 'a\\"b', 'a\tb');
    const method = mostly(fc.constant('"mining.submit"'), '"mining.submit "', '"eth_submit"');
    const extraKey = mostly(fc.constantFrom('error', 'jsonrpc', 'worker'), 'id', '', 'params');
    const member = (key: string, content: fc.Arbitrary<string>) =>
      fc.tuple(blank, blank, content, blank).map(([a, b, text, c]) => `${a}"${key}"${b}:${text}${c}`);
    const params = fc
      .tuple(login, blank, job, blank, digits, mostly(fc.constant(''), ',1', ','))
      .map(([name, a, number, b, text, more]) => `["${name}"${a},${number}${b},"${text}"${more}]`);
    const line = fc
      .tuple(
        member('id', id),
        member('method', method),
        member('params', params),
        fc.array(fc.tuple(extraKey, value), { maxLength: 2 }),
        fc.nat(5),
      )
      .map(([a, b, c, extras, order]) => {
        const main = [
          [a, b, c],
          [a, b, c],
          [a, b, c],
          [b, a, c],
          [c, b, a],
          [b, c, a],
        ][order]!;
        return `{${[...main, ...extras.map(([key, text]) => `"${key}":${text}`)].join(',')}}`;
      });
    // One byte in three lines is put somewhere, replaced or taken away.
    const damaged = fc
      .tuple(line, fc.nat(), fc.nat(255), fc.constantFrom('no', 'no', 'put', 'replace', 'take'))
      .map(([text, place, byte, kind]) => {
        const bytes = [...Buffer.from(text)];
        const at = place % (bytes.length + 1);
        if (kind === 'put') bytes.splice(at, 0, byte);
        else if (kind === 'replace') bytes[at] = byte;
        else if (kind === 'take') bytes.splice(at, 1);
        // The framer lets no newline and no NUL through.
        return Buffer.from(bytes.filter((each) => each !== 10 && each !== 0));
      });
    let accepted = 0;
    // One that has read the same families before, and so knows their shapes.
    const experienced = new SubmitScanner();
    fc.assert(
      fc.property(damaged, (bytes) => {
        const fast = scanned(bytes);
        expect(scanned(bytes, experienced)).toEqual(fast);
        if (fast === undefined) return;
        accepted++;
        expect(fast).toEqual(parsed(bytes));
      }),
      { numRuns: 60_000 },
    );
    expect(accepted).toBeGreaterThan(6_000);
  });

  describe('that knows the shape of a line', () => {
    const line = (id: string, login: string, job: string, digits: string) =>
      `{"id":${id},"method":"mining.submit","params":["${login}","${job}","${digits}"]}`;
    const learned = (scanner = new SubmitScanner()) => {
      scanned(line('5', LOGIN, '34', nonce), scanner);
      return scanner;
    };
    const learnedThere = () => learned(new SubmitScanner(submitLines()));

    it.each([
      ['7', LOGIN, '35', '0x2C'],
      ['0', 'w', '999999999', 'ffffffffffffffff'],
      ['999999999999999', '', '1', '0'],
    ])('reads id %s, login "%s", job %s, nonce %s as before', (id, login, job, digits) => {
      const text = line(id, login, job, digits);
      expect(scanned(text, learned())).toEqual(parsed(text));
      expect(scannedThere(text, learnedThere(), true)).toEqual(parsed(text));
    });

    it.each([
      ['a leading zero in the id', line('07', LOGIN, '34', nonce)],
      ['no id', line('', LOGIN, '34', nonce)],
      ['16 digits of id', line('1234567890123456', LOGIN, '34', nonce)],
      ['an escape in the login', line('5', 'w\\u002e', '34', nonce)],
      ['a byte above ASCII in the login', line('5', 'é', '34', nonce)],
      ['a leading zero in the job id', line('5', LOGIN, '034', nonce)],
      ['ten digits of job id', line('5', LOGIN, '1234567890', nonce)],
      ['17 digits of nonce', line('5', LOGIN, '34', `0${nonce}`)],
      ['no nonce', line('5', LOGIN, '34', '')],
      ['a blank in the nonce', line('5', LOGIN, '34', '2c 5')],
      ['an unfinished line', line('5', LOGIN, '34', nonce).slice(0, -1)],
      ['text behind', `${line('5', LOGIN, '34', nonce)} x`],
    ])('still leaves %s to JSON.parse', (_name, text) => {
      expect(scanned(text, learned())).toBeUndefined();
      expect(scannedThere(text, learnedThere(), false)).toBeUndefined();
    });

    it('says of 15,000 lines of that shape, most of them damaged, what one says that reads each in full', () => {
      const letter = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
      const login = fc
        .string({ unit: letter, maxLength: 90 })
        .map((text) => text.replaceAll(/["\\\\]/g, 'x'));
      const id = fc
        .oneof(fc.nat(99_999), fc.nat(99_999), fc.bigInt({ min: 0n, max: 10n ** 16n }))
        .map(String);
      const job = fc.oneof(fc.nat(999_999_999), fc.nat(999_999_999), fc.nat(2_000_000_000)).map(String);
      const hex = fc.string({
        unit: fc.constantFrom(...'0123456789abcdefABCDEF'),
        minLength: 0,
        maxLength: 17,
      });
      const digits = fc
        .tuple(fc.constantFrom('', '', '0x', '0X'), hex)
        .map(([prefix, text]) => prefix + text);
      const damaged = fc
        .tuple(id, login, job, digits, fc.nat(), fc.nat(255), fc.nat(4), fc.boolean())
        .map(([number, name, jobId, text, place, byte, kind, atEnd]) => {
          const bytes = [...Buffer.from(line(number, name, jobId, text))];
          const at = place % (bytes.length + 1);
          if (kind === 0) bytes.splice(at, 0, byte);
          else if (kind === 1) bytes[at] = byte;
          else if (kind === 2) bytes.splice(at, 1);
          return { bytes: Buffer.from(bytes.filter((each) => each !== 10 && each !== 0)), atEnd };
        });
      let accepted = 0;
      fc.assert(
        fc.property(damaged, ({ bytes, atEnd }) => {
          const inFull = scanned(bytes);
          expect(scanned(bytes, learned())).toEqual(inFull);
          expect(scannedThere(bytes, learnedThere(), atEnd)).toEqual(inFull);
          if (inFull !== undefined) accepted++;
        }),
        { numRuns: 15_000 },
      );
      expect(accepted).toBeGreaterThan(3_000);
    });

    it('compares there and not somewhere else, for one scanner after the other', () => {
      const [first, second] = [learnedThere(), learnedThere()];
      const text = line('6', LOGIN, '35', '2c');
      for (const scanner of [first, second, first])
        expect(scannedThere(text, scanner, true)).toEqual(parsed(text));
      expect(submitLines().owner).toBe(first);
      expect(
        submitLines().match(submitLines().input.length - text.length - 1, submitLines().input.length - 1),
      ).toBe(6);
    });

    it('reads on where the shape is too long to be compared there, or one too many', () => {
      const scanner = new SubmitScanner(submitLines());
      const wordy = (spaces: number) =>
        line('6', LOGIN, '35', '2c').replace('"params"', `"x":"${'y'.repeat(spaces)}","params"`);
      for (let spaces = 0; spaces < 12; spaces++)
        for (let again = 0; again < 2; again++)
          expect(scannedThere(wordy(spaces * 9), scanner, true)).toEqual(parsed(wordy(spaces * 9)));
    });

    it('gives logins that differ different marks, and the same one the same, however the line was read', () => {
      const scanner = learned();
      const { loginMark } = scanner;
      scanned(line('6', LOGIN, '35', '2c'), scanner);
      expect(scanner.loginMark).toBe(loginMark);
      scanned(line('6', `${LOGIN}x`, '35', '2c'), scanner);
      expect(scanner.loginMark).not.toBe(loginMark);
      scanned(line('6', LOGIN.replace('rig1', 'rig2'), '35', '2c'), scanner);
      expect(scanner.loginMark).not.toBe(loginMark);
    });
  });
});

describe('a nonce under extranonce 0001', () => {
  it.each([
    '2c125a',
    '2C125A',
    '0000002c125a',
    '10000002c125a',
    '00010000002c125a',
    '0x00010000002c125a',
    '0X00010000002C125A',
    '0x2c125a',
  ])('is the same u64 when it comes as %s', (text) => {
    expect(nonceOf(['w', '7', text])).toBe(NONCE);
    expect(nonceOf(['w', '7', 'e2', 'ntime', text])).toBe(NONCE);
  });

  it.each(['00000000000000000', '', '0x', 'xyz', '0x0x12', '-1', '1.5', '２c'])(
    'is malformed as "%s"',
    (text) => {
      expect(nonceOf(['w', '7', text])).toBeUndefined();
    },
  );

  it.each([[12], [null], [['2c']], [{}]])('is malformed when it is %j', (value) => {
    expect(nonceOf(['w', '7', value])).toBeUndefined();
  });

  it('keeps all 64 bits', () => {
    expect(nonceOf(['w', '7', 'ffffffffffffffff'])).toBe(0xffff_ffff_ffff_ffffn);
    expect(nonceOf(['w', '7', 'ffffffffffff'])).toBe(0x0001_ffff_ffff_ffffn);
  });
});

describe('a job id', () => {
  const jobIdOf = (value: unknown): number | undefined => {
    const fields = new SubmitFields();
    return readSubmitParams(['w', value, '2c'], fields) ? fields.jobId : undefined;
  };

  it('may be a string or a number', () => {
    expect(jobIdOf('7')).toBe(7);
    expect(jobIdOf(7)).toBe(7);
  });

  it.each(['0', '007', 'abc', '', '7.5', '-7', '12345678901', 7.5, -7, 0])(
    'is nobody’s as %j, not malformed',
    (value) => {
      expect(jobIdOf(value)).toBe(0);
    },
  );

  it.each([[null], [{}], [[]], [true]])('is malformed as %j', (value) => {
    expect(jobIdOf(value)).toBeUndefined();
  });
});
