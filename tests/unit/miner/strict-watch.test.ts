import { describe, expect, it } from 'vitest';
import { CLIENT_PROFILES, type MinerClient } from '../../../src/miner/client-profiles.ts';
import { StrictWatch } from '../../../src/miner/strict-watch.ts';
import {
  arrayJob,
  difficulty,
  extranonce,
  hexJob,
  refusal,
  reply,
  sizedExtranonce,
} from './scripted-server.ts';

const PROTOCOL = (id: number): string => `{"id":${id},"result":[true,"EthereumStratum/1.0.0"],"error":null}`;
const PLAIN_SIZED = '{"id":null,"method":"set_extranonce","params":["0001",6]}';

/** Past its login, as a sound server does it, with its first submission on the way under the id 900. */
function loggedIn(client: MinerClient): StrictWatch {
  const profile = CLIENT_PROFILES[client];
  const watch = new StrictWatch(profile, false);
  for (const { id, method } of profile.login) watch.asked(id, method);
  const isHex = profile.jobForm === 'hex';
  const lines: string[] = [];
  for (const { id, method } of profile.login) {
    const isBitmain = profile.extranonceFrom === 'subscribe-reply';
    if (method !== 'mining.subscribe') lines.push(reply(id));
    else lines.push(isBitmain ? `{"id":${id},"result":[null,"0001",6],"error":null}` : PROTOCOL(id));
  }
  if (profile.extranonceFrom === 'push') lines.push(extranonce('0001'));
  if (profile.extranonceFrom === 'two-param-push') lines.push(PLAIN_SIZED);
  lines.push(difficulty(8192), isHex ? hexJob('1') : arrayJob('1'));
  for (const line of lines) expect(watch.read(line), line).toBeUndefined();
  watch.asked(900, 'mining.submit');
  return watch;
}

describe('a strict client', () => {
  it.each(Object.keys(CLIENT_PROFILES) as MinerClient[])('%s takes a sound session', (client) => {
    const watch = loggedIn(client);
    expect(watch.read(reply(900))).toBeUndefined();
    const job = CLIENT_PROFILES[client].jobForm === 'hex' ? hexJob : arrayJob;
    for (const line of [job('2'), difficulty(16384), job('3'), job('3')])
      expect(watch.read(line)).toBeUndefined();
  });

  it.each([
    ['text that is no JSON', 'hello', 'JSON'],
    ['a byte that is not ASCII', '{"id":900,"result":true,"error":null,"x":"\u00e9"}', 'ASCII'],
    ['a carriage return', `${reply(900)}\r`, 'ASCII'],
    ['an empty line', '', 'ASCII'],
    ['a reply to nothing', reply(901), 'waits for its reply'],
    ['an id of another type', '{"id":"900","result":true,"error":null}', 'id of 32 bits'],
    ['an id with a point', '{"id":900.0,"result":true,"error":null}', 'plain digits'],
    ['a reply without its error', '{"id":900,"result":true}', 'both keys'],
    ['an unknown key', '{"id":900,"result":true,"error":null,"more":1}', 'no keys but'],
    ['a result of 1', '{"id":900,"result":1,"error":null}', 'literally true'],
    ['result false beside an error', '{"id":900,"result":false,"error":[23,"x",null]}', 'result null'],
    ['an error code of 19', refusal(900, 19), '20 to 25'],
    ['an error of two elements', '{"id":900,"result":null,"error":[23,"x"]}', 'three elements'],
    ['an error with a trace', '{"id":900,"result":null,"error":[23,"x","at y"]}', 'code, text, null'],
    ['a push it does not know', '{"id":null,"method":"client.show_message","params":["x"]}', 'no push but'],
    ['a push with the id of a request', '{"id":900,"method":"mining.notify","params":[]}', 'of no request'],
    ['another extranonce', extranonce('0002'), 'one extranonce for the whole session'],
    ['a difficulty of 85', difficulty(85), 'power of two'],
    [
      'a difficulty of 8192.0',
      '{"id":null,"method":"mining.set_difficulty","params":[8192.0]}',
      'without a point',
    ],
    ['a difficulty of 1e4', '{"id":null,"method":"mining.set_difficulty","params":[1e4]}', 'plain digits'],
    ['a difficulty of 0', difficulty(0), 'power of two'],
    ['a difficulty below 1', difficulty(0.5), 'a whole difficulty'],
    ['a job in the array form', arrayJob('2'), '80 lower-case hex digits'],
    ['a job with one param more', hexJob('2').replace(']}', ',true]}'), '80 lower-case hex digits'],
    ['a job of upper case', hexJob('2').replace(/[a-f0-9]{80}/, (hex) => hex.toUpperCase()), '80 lower-case'],
    ['a numeric job id', hexJob('2').replace('"2"', '2'), 'job id'],
    ['a job id again, for other work', hexJob('1').replace('"f8', '"f9'), 'not given to other work'],
  ])('IceRiver does not take %s', (_name, line, expected) => {
    expect(loggedIn('iceriver').read(line)?.expected).toContain(expected);
  });

  it.each([
    ['lolminer', hexJob('2'), 'four integers'],
    ['godminer', arrayJob('2').replace('6609771454773699064', '0'), 'above 0'],
    ['godminer', arrayJob('2').replace('6609771454773699064', '18446744073709551616'), 'below 2^64'],
    ['kaspa-miner', arrayJob('2').replace('6609771454773699064', '06609771454773699064'), 'JSON'],
  ] as const)('%s does not take such a job', (client, line, expected) => {
    expect(loggedIn(client).read(line)?.expected).toContain(expected);
  });

  it('does not take a second difficulty before the job of the first', () => {
    const watch = loggedIn('rigel');
    expect(watch.read(difficulty(16384))).toBeUndefined();
    expect(watch.read(difficulty(32768))?.expected).toBe('job before difficulty');
  });

  it('takes fractions of a difficulty where the port is one for CPUs', () => {
    const watch = new StrictWatch(CLIENT_PROFILES.iceriver, true);
    watch.asked(1, 'mining.subscribe');
    watch.asked(2, 'mining.authorize');
    const half = difficulty(0.5);
    for (const line of [PROTOCOL(1), reply(2), extranonce('0001'), half, hexJob('1')])
      expect(watch.read(line)).toBeUndefined();
  });
});

describe('a strict login', () => {
  const asked = (client: MinerClient): StrictWatch => {
    const watch = new StrictWatch(CLIENT_PROFILES[client], false);
    for (const { id, method } of CLIENT_PROFILES[client].login) watch.asked(id, method);
    return watch;
  };

  it.each([
    ['iceriver', [extranonce('0001')], 'nothing but replies'],
    ['iceriver', [reply(2)], 'asked first'],
    ['iceriver', ['{"id":1,"result":true,"error":null}'], 'EthereumStratum'],
    ['iceriver', [PROTOCOL(1), reply(2), difficulty(64)], 'extranonce before difficulty'],
    ['iceriver', [PROTOCOL(1), reply(2), hexJob('1')], 'extranonce before job'],
    ['iceriver', [PROTOCOL(1), reply(2), extranonce('0001'), hexJob('1')], 'difficulty before job'],
    ['iceriver', [PROTOCOL(1), reply(2), sizedExtranonce('0001')], 'the extranonce as'],
    ['iceriver', [PROTOCOL(1), reply(2), extranonce('01020304')], '2 or 4'],
    ['goldshell', [PROTOCOL(1), reply(2), extranonce('0001').replace('mining.', '')], 'the extranonce as'],
    ['godminer', [PROTOCOL(1)], 'FREE BYTES'],
    ['godminer', ['{"id":1,"result":[null,"0001",8],"error":null}'], 'FREE BYTES'],
    ['godminer', ['{"id":1,"result":[null,"",8],"error":null}'], 'FREE BYTES'],
    ['kaspa-miner', [PROTOCOL(0), reply(1), extranonce('0001')], 'the extranonce as'],
    ['kaspa-miner', [PROTOCOL(0), reply(1), sizedExtranonce('0001').replace(',6', ',8')], '6 free bytes'],
    ['rigel', [PROTOCOL(0), reply(1), sizedExtranonce('0001')], 'the extranonce as set_extranonce/2'],
    ['nicehash', [PROTOCOL(1), reply(2), extranonce('010203')], '2 or 4'],
  ] as const)('of %s fails at the right line (%#)', (client, lines, expected) => {
    const watch = asked(client);
    const faults = lines.map((line) => watch.read(line));
    expect(faults.slice(0, -1).filter((fault) => fault !== undefined)).toEqual([]);
    expect(faults.at(-1)).toMatchObject({
      client,
      expected: expect.stringContaining(expected),
      seen: JSON.stringify(lines.at(-1)),
    });
  });

  it('waits for its job from the answer to authorize on', () => {
    const watch = asked('bzminer');
    expect(watch.awaitsJob).toBe(false);
    for (const line of [PROTOCOL(1), reply(2)]) watch.read(line);
    expect(watch.awaitsJob).toBe(true);
    for (const line of [extranonce('0001'), difficulty(64), hexJob('1')]) watch.read(line);
    expect(watch.awaitsJob).toBe(false);
  });
});
