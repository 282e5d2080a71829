import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clampDifficulty,
  cleanWorker,
  parseLogin,
  parsePassword,
} from '../../../src/stratum/protocol/login.ts';
import { parseRequest } from '../../../src/stratum/protocol/request.ts';

const parse = (line: string) => {
  const bytes = Buffer.from(line);
  return parseRequest(bytes, 0, bytes.length);
};

describe('a request', () => {
  it.each(['0', '7', '"7"', '"abc"', 'null', '-5', '1.5', '12345678901234567890', '4294967295', '-0'])(
    'has its id %s echoed as it came',
    (id) => {
      expect(parse(`{"id":${id},"method":"x"}`)).toMatchObject({ kind: 'request', idText: id });
      expect(parse(`{"method":"x","params":[{"id":9}],"a":{"id":8},"id" : ${id}}`)).toMatchObject({
        idText: id,
      });
    },
  );

  it('has its id echoed with its value where its spelling is lost', () => {
    expect(parse('{"id":1.0,"method":"x"}')).toMatchObject({ idText: '1', idNumber: 1 });
  });

  it('finds a rounded id behind an escaped key', () => {
    expect(parse('{"\\u0069d":12345678901234567890,"method":"x"}')).toMatchObject({
      idText: '12345678901234567890',
    });
  });

  it('is malformed when its id is an object, an array, a bool or endless', () => {
    for (const id of ['{}', '[1]', 'true', `"${'x'.repeat(200)}"`]) {
      expect(parse(`{"id":${id},"method":"x"}`)).toMatchObject({ kind: 'malformed', idText: 'null' });
    }
  });

  it('has empty params when they are missing or null', () => {
    expect(parse('{"id":1,"method":"x"}')).toMatchObject({ params: [] });
    expect(parse('{"id":1,"method":"x","params":null}')).toMatchObject({ params: [] });
    expect(parse('{"id":1,"method":"x","params":{"a":1}}')).toMatchObject({ kind: 'malformed', idText: '1' });
  });

  it('survives raw control characters inside strings', () => {
    expect(parse('{"id":1,"method":"mining.subscribe","params":["Gold\tshell\u0001"]}')).toMatchObject({
      kind: 'request',
      params: ['Gold shell '],
    });
  });

  it('tells a notification, an answer and nonsense apart', () => {
    expect(parse('{"method":"x"}')).toMatchObject({ kind: 'request', hasId: false, idText: 'null' });
    expect(parse('{"id":null,"result":true}')).toEqual({ kind: 'answer' });
    expect(parse('{"id":4}')).toMatchObject({ kind: 'malformed', idText: '4' });
    expect(parse('[1]')).toMatchObject({ kind: 'malformed', isJson: true });
    expect(parse('GET /')).toMatchObject({ kind: 'malformed', isJson: false });
  });

  it('never throws, and echoes ids that JSON reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (id, text) => {
        parse(text);
        // What goes over the wire is the text: JSON.stringify writes -0 as 0.
        const sent = JSON.stringify(id);
        const request = parse(`{"id":${sent},"method":"x"}`);
        if (request.kind === 'request') expect(JSON.parse(request.idText)).toEqual(JSON.parse(sent));
      }),
    );
  });
});

describe('a login', () => {
  const check = (text: string) =>
    text.startsWith('kaspa:') && /^kaspa:[a-z0-9]{4,}$/.test(text)
      ? { ok: true as const, address: text }
      : { ok: false as const, reason: 'no address' };
  const login = (text: string) => parseLogin(text, check, 32);

  it.each([
    ['kaspa:qzabc', 'default'],
    ['kaspa:qzabc.', 'default'],
    ['kaspa:qzabc.rig1', 'rig1'],
    ['kaspa:qzabc.rig1.0xcanxium', 'rig1'],
    ['kaspa:qzabc,Rig_1234', 'Rig_1234'],
    ['kaspa:qzabc. <b>rig</b>', 'brigb'],
    [' kaspa:qzabc.r-1_2 ', 'r-1_2'],
  ])('"%s" is worker %s', (text, worker) => {
    expect(login(text)).toEqual({ ok: true, address: 'kaspa:qzabc', worker });
  });

  it('says why it is refused', () => {
    expect(login('nobody.rig')).toEqual({ ok: false, reason: 'no address' });
    expect(login('')).toEqual({ ok: false, reason: 'no address' });
  });

  it('gives workers names that are safe everywhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (name) => {
        expect(cleanWorker(name, 32)).toMatch(/^[A-Za-z0-9._-]{1,32}$/);
      }),
    );
  });
});

describe('a password', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['x', undefined],
    ['d=4096', 12],
    ['diff=4096', 12],
    ['c=KAS,d=4096', 12],
    ['d=4096;x', 12],
    ['D=5000', 12],
    ['d=0.125', -3],
    ['d=0', undefined],
    ['d=-4', undefined],
    ['d=NaN', undefined],
    ['d=1e9', undefined],
    ['d=99999999999999999999', 62],
    [4096, undefined],
  ])('%j asks for difficulty 2^%s', (password, log2) => {
    expect(parsePassword(password).difficultyLog2).toBe(log2);
  });

  it('may name a dialect', () => {
    expect(parsePassword('x,s=asic-hex').dialect?.name).toBe('asic-hex');
    expect(parsePassword('s=nonsense').dialect).toBeUndefined();
  });

  it('cannot leave the bounds of its port', () => {
    expect(clampDifficulty(12, 5, 10)).toBe(10);
    expect(clampDifficulty(3, 5, 10)).toBe(5);
    expect(clampDifficulty(7, 5, 10)).toBe(7);
  });
});
