/** The header that a load balancer puts before a miner's first line, whole and torn, against splitting it as text. */
import { isIP } from 'node:net';
import { ProxyHeader } from '../../../src/stratum/socket/proxy-header.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';

const HEADERS = 64;

const v1 = (index: number): Buffer =>
  Buffer.from(`PROXY TCP4 192.0.2.${index} 198.51.100.1 5${1000 + index} 5555\r\n`, 'latin1');

function v2(index: number): Buffer {
  const addresses = Buffer.from([192, 0, 2, index, 198, 51, 100, 1, 0xc0, index, 0x15, 0xb3]);
  const head = Buffer.from('0d0a0d0a000d0a515549540a2111000c', 'hex');
  return Buffer.concat([head, addresses]);
}

function lastPart(address: string): number {
  return Number(address.slice(address.lastIndexOf('.') + 1));
}

function read(pieces: readonly (readonly Buffer[])[]): number {
  let sum = 0;
  for (const some of pieces) {
    const header = new ProxyHeader();
    for (const piece of some) {
      const outcome = header.push(piece);
      if (outcome.kind === 'header') sum += lastPart(outcome.address);
    }
  }
  return sum;
}

function split(headers: readonly Buffer[]): number {
  let sum = 0;
  for (const header of headers) {
    const [word, , source] = header.toString('utf8').trim().split(' ');
    if (word === 'PROXY' && isIP(source!) !== 0) sum += lastPart(source!);
  }
  return sum;
}

export default defineCase({
  kind: 'micro',
  title: 'a PROXY header, version 1 and 2, whole and in two pieces, against splitting text',
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const texts = Array.from({ length: HEADERS }, (_, index) => v1(index));
    const binaries = Array.from({ length: HEADERS }, (_, index) => v2(index));
    const whole = (headers: readonly Buffer[]) => headers.map((header) => [header]);
    const torn = (headers: readonly Buffer[]) =>
      headers.map((header) => [header.subarray(0, 9), header.subarray(9)]);
    const subject = (name: string, run: () => number) => ({
      ...{ name, run },
      operations: HEADERS,
      agrees: 'addresses',
    });
    const pieces = [whole(texts), whole(binaries), torn(texts)];
    return playRounds(
      context,
      [
        subject('engine_v1', () => read(pieces[0]!)),
        subject('engine_v2', () => read(pieces[1]!)),
        subject('engine_v1_torn', () => read(pieces[2]!)),
        subject('split_v1', () => split(texts)),
      ],
      [{ name: 'v1', above: 'split_v1', below: 'engine_v1' }],
    );
  },
});
