/** Points 1 to 12: bytes, lines, ids and the shape of replies. */
import { demand, shown } from './finding.ts';
import { AGENTS, type Lab, sentinel } from './lab.ts';
import { type Point, point } from './point.ts';
import type { Wire } from './wire.ts';

const subscribe = (id: unknown): object => ({ id, method: 'mining.subscribe', params: [AGENTS.default] });
/** Of a stratum line; real ones stay below 300 bytes. */
const LINE_CAP_BYTES = 8_192;
/** A server with a larger cap still has one. */
const LARGE_CAP_BYTES = 65_536;
const CHUNK_BYTES = 8_192;

/** lolMiner and others write their whole login in one go. */
async function twoInOneSegment(lab: Lab): Promise<string> {
  const wire = await lab.connect();
  wire.send(subscribe(1), subscribe(2));
  const ids = [(await wire.nextReply()).fields?.id, (await wire.nextReply()).fields?.id];
  demand(ids[0] === 1 && ids[1] === 2, 'the replies to 1 and 2, in this order', JSON.stringify(ids));
  return '';
}

/** A bridge in the field takes every read for whole lines, and loses what a segment cuts. */
async function byteByByte(lab: Lab): Promise<string> {
  const wire = await lab.connect();
  for (const byte of `${JSON.stringify(subscribe(1))}\n`) {
    wire.write(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  demand((await wire.nextReply()).fields?.id === 1, 'one reply with id 1', () => shown(wire.raw));
  return '';
}

/** The line is answered, and nothing else came of what stood around it. */
async function answeredAlone(wire: Wire, bytes: string): Promise<void> {
  wire.write(bytes);
  const reply = await wire.nextReply('a reply with id 1');
  demand(reply.fields?.id === 1 && reply.fields.error === null, 'a reply with id 1 and no error', () =>
    shown(reply.text),
  );
  wire.send(subscribe(2));
  const next = await wire.nextReply();
  demand(next.fields?.id === 2, 'nothing before the reply to the next request', () => shown(next.text));
}

/** Windows tools and Goldshell end their lines so. */
async function lineEnds(lab: Lab): Promise<string> {
  await answeredAlone(await lab.connect(), `\r\n\n  \n${JSON.stringify(subscribe(1))}\r\n\r\n`);
  return '';
}

/** Goldshell pads with the first and puts the second into strings, where JSON forbids it. */
async function nulsAndTabs(lab: Lab): Promise<string> {
  const line = `\0{"id":1,"meth\0od":"mining.subscribe",\t"params":["${AGENTS.default}\t"]}\0\0\n\0`;
  await answeredAlone(await lab.connect(), line);
  return '';
}

/** Without a cap a stranger fills the memory with one line that never ends. */
async function endlessLine(lab: Lab): Promise<string> {
  const wire = await lab.connect();
  let sent = LINE_CAP_BYTES + 1;
  wire.write('x'.repeat(sent));
  while (!wire.closed && sent <= LARGE_CAP_BYTES + CHUNK_BYTES) {
    await Promise.race([wire.ended(300).catch(() => {}), new Promise((resolve) => setTimeout(resolve, 300))]);
    if (wire.closed) break;
    wire.write('x'.repeat(CHUNK_BYTES));
    sent += CHUNK_BYTES;
  }
  demand(wire.closed, 'the socket to be closed before its line ends', `open after ${sent} bytes`);
  return `closed after ${sent} bytes`;
}

/** Scanners find every open port; an answer only keeps them there. */
async function otherProtocols(lab: Lab): Promise<string> {
  const first = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'].map(
    (verb) => `${verb} / HTTP/1.1\r\n\r\n`,
  );
  for (const bytes of [...first, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']) {
    const wire = await lab.connect();
    wire.write(bytes);
    await wire.ended();
    demand(wire.raw === '', `no reply to ${shown(bytes)}`, () => shown(wire.raw));
  }
  return '';
}

async function junk(lab: Lab): Promise<string> {
  const bystander = await lab.session();
  const wire = await lab.connect();
  wire.send(...Array.from({ length: 50 }, () => '{{{'));
  await wire.ended();
  const [first, ...more] = wire.lines;
  demand(more.length === 0, 'one reply to junk at most', () => shown(wire.raw));
  if (first) {
    const { id, result, error } = first.fields ?? {};
    const isTwenty = Array.isArray(error) && error[0] === 20;
    demand(id === null && result === null && isTwenty, 'error 20 with id null', shown(first.text));
  }
  bystander.wire.send(sentinel('still there?'));
  await bystander.wire.reply('still there?');
  return '';
}

/** A client looks for its request by the id that it sent: 0 is one, and "7" is not 7. */
async function idsComeBack(lab: Lab): Promise<string> {
  for (const id of ['0', '7', '"7"', '"abc"', 'null']) {
    const wire = await lab.connect();
    wire.send(`{"id":${id},"method":"mining.subscribe","params":["${AGENTS.default}"]}`);
    const { fields, text } = await wire.nextReply(`a reply with the id ${id}`);
    demand(fields?.id === JSON.parse(id), `the id ${id} with its type and value`, () => shown(text));
  }
  return '';
}

/** Each of these was seen from a real client, or from somebody who tried what happens. */
async function looseRequests(lab: Lab): Promise<string> {
  const loose = [
    '{"id":1,"method":"mining.subscribe","params":["lolMiner 1.72"],"error":null,"worker":"x"}',
    '{"jsonrpc":"2.0","id":1,"method":"mining.subscribe","params":["lolMiner 1.72"]}',
    '{"id":1,"method":"mining.subscribe","params":[]}',
    '{"id":1,"method":"mining.subscribe"}',
    '{"id":1,"method":"mining.submit"}',
    '{"id":1,"method":"mining.authorize","params":[]}',
  ];
  for (const line of loose) {
    const wire = await lab.connect();
    wire.send(line);
    await wire.reply(1);
  }
  for (const line of ['{}', '[]', '7', '"x"', '{"id":{},"method":[],"params":7}', 'null']) {
    const wire = await lab.connect();
    wire.send(line);
  }
  const after = await lab.connect();
  after.send(subscribe(1));
  await after.reply(1);
  return '';
}

/** Gives the witness replies of every kind to look at, too. */
async function oneReplyEach(lab: Lab): Promise<string> {
  const wire = await lab.connect();
  const requests: Record<string, unknown>[] = [
    { method: 'mining.submit', params: ['w', '1', '00'] },
    { method: 'mining.subscribe', params: [AGENTS.default] },
    { method: 'mining.extranonce.subscribe', params: [] },
    { method: 'no.such.method', params: [] },
    { method: 'mining.configure', params: [['version-rolling'], {}] },
    { method: 'mining.authorize', params: [`${lab.address}.conformance`, 'x'] },
    { method: 'mining.submit', params: ['w', '999999999', '00'] },
    { method: 'mining.submit', params: ['w', '999999999', 'no hex'] },
    { method: 'mining.submit', params: [] },
    { method: 'mining.ping', params: [] },
  ].map((request, index) => ({ id: index + 10, ...request }));
  wire.send(...requests, sentinel('end'));
  await wire.reply('end');
  for (const { id } of requests) {
    const replies = wire.lines.filter((line) => line.fields?.method === undefined && line.fields?.id === id);
    demand(
      replies.length === 1,
      `one reply to ${JSON.stringify(requests.find((each) => each.id === id))}`,
      () => (replies.length === 0 ? 'none' : replies.map((line) => shown(line.text)).join(' and ')),
    );
  }
  return '';
}

const REPLY_KEYS =
  'id, result and error in every reply, exactly one of the last two not null, and never result false';

export const FRAMING_POINTS: readonly Point[] = [
  point(1, 'two requests in one segment are answered, in order', twoInOneSegment),
  point(2, 'a request split byte by byte is answered once it is whole', byteByByte),
  point(3, 'CRLF is taken, blank lines are ignored', lineEnds),
  point(4, 'NULs are dropped, a raw TAB inside a string breaks nothing', nulsAndTabs),
  point(5, 'a line over the cap closes its socket before its end comes', endlessLine),
  point(6, 'HTTP closes the socket without a reply', otherProtocols),
  point(7, 'junk is answered once at most, then the socket closes; others do not notice', junk),
  point(8, 'ids come back with their type and value', idsComeBack),
  point(9, 'missing and additional keys never crash anything', looseRequests),
  point(
    10,
    'every reply has id, result and error, one of the two not null',
    async (lab) => lab.witness.judge('reply keys', REPLY_KEYS),
    'verdict',
  ),
  point(
    11,
    'an error is [code from 20 to 25, text, null]',
    async (lab) => lab.witness.judge('error form', 'every error as [20..25, text, null]'),
    'verdict',
  ),
  point(12, 'every request with an id gets one reply with that id', oneReplyEach),
];
