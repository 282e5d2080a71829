/** Points 13 to 24: subscribe, authorize, what comes between and what comes after. */
import { AddressVersion } from '../chains/kaspa/address.ts';
import { demand, shown } from './finding.ts';
import { AGENTS, ALL_AGENTS, type Lab } from './lab.ts';
import { codeOf } from './mining-session.ts';
import { type Point, point } from './point.ts';
import { pause, type Wire } from './wire.ts';
import type { Line } from './witness.ts';

const AUTHORIZE_ID = 50;
/** From the reply to authorize to the first job. */
const FIRST_JOB_MS = 50;
const TRIES = 5;
/** A push that comes too early comes at once: servers that do it write it with the subscribe reply. */
const TOO_EARLY_MS = 300;

const subscribe = (params: readonly unknown[], id: unknown = 1): object => ({
  id,
  method: 'mining.subscribe',
  params,
});

function authorize(lab: Lab, login = `${lab.address}.conformance`, password: unknown = 'x'): object {
  const params = password === undefined ? [login] : [login, password];
  return { id: AUTHORIZE_ID, method: 'mining.authorize', params };
}

const extranonceRequest = (id: string): object => ({ id, method: 'mining.extranonce.subscribe', params: [] });

const isPush = (line: Line): boolean => line.fields?.method !== undefined;

/** All were seen on the wire; the second param means nothing on Kaspa. */
async function subscribeForms(lab: Lab): Promise<string> {
  const agent = AGENTS.default;
  for (const params of [[agent], [agent, null], [agent, 'EthereumStratum/1.0.0'], [agent, 'c0ffee'], []]) {
    const wire = await lab.connect();
    wire.send(subscribe(params));
    const { fields, text } = await wire.reply(1);
    const succeeded = fields?.error === null && (fields.result ?? null) !== null;
    demand(succeeded, `a result for the params ${JSON.stringify(params)}`, () => shown(text));
  }
  return '';
}

/** To the letter: some clients compare it. */
async function usualReply(lab: Lab): Promise<string> {
  for (const agent of [AGENTS.default, AGENTS.hex, AGENTS.twoParam, 'Rigel', 'BzMiner-v11.1.0']) {
    const wire = await lab.connect();
    wire.send(subscribe([agent]));
    const { fields, text } = await wire.reply(1);
    const result = JSON.stringify(fields?.result);
    demand(result === '[true,"EthereumStratum/1.0.0"]', `[true,"EthereumStratum/1.0.0"] to ${agent}`, () =>
      shown(text),
    );
  }
  return '';
}

/** GodMiner takes its extranonce from here and from nowhere else. */
async function bitmainReply(lab: Lab): Promise<string> {
  for (const agent of [AGENTS.bitmain, 'godminer', 'BITMAIN ks3', 'Antminer KS5']) {
    const wire = await lab.connect();
    wire.send(subscribe([agent, null]));
    const { fields, text } = await wire.reply(1);
    demand(
      /^\[null,"[0-9a-f]{4}",6\]$/.test(JSON.stringify(fields?.result)),
      `[null,"xxxx",6] to ${agent}`,
      () => shown(text),
    );
  }
  return '';
}

/** The request is answered `true`, and nothing but jobs stands before the answer to the next one. */
async function answeredTrueAlone(wire: Wire, id: string): Promise<void> {
  const from = wire.lines.length;
  wire.send(extranonceRequest(id), extranonceRequest(`${id}, again`));
  await wire.reply(`${id}, again`);
  const came = wire.lines.slice(from).filter((line) => line.fields?.method !== 'mining.notify');
  const ids = came.map((line) => line.fields?.id);
  demand(ids[0] === id && came[0]!.fields?.result === true, 'a reply of true', () => shown(came[0]!.text));
  demand(ids[1] === `${id}, again`, 'nothing else because of it', () => shown(came[1]!.text));
}

/** GodMiner waits 30 s for this reply, and some servers hang up after 20. */
async function extranonceSubscribe(lab: Lab): Promise<string> {
  for (const agent of ALL_AGENTS) {
    const wire = await lab.connect();
    wire.send(subscribe([agent]));
    await wire.reply(1);
    await answeredTrueAlone(wire, 'before');
    wire.send(authorize(lab));
    await wire.push('mining.notify');
    await answeredTrueAlone(wire, 'after');
  }
  return '';
}

/** GodMiner reads one line after each request, whatever line that is: an early push shifts all by one. */
async function onlyRepliesBefore(lab: Lab): Promise<string> {
  for (const agent of ALL_AGENTS) {
    const wire = await lab.connect();
    await pause(TOO_EARLY_MS);
    wire.send(subscribe([agent]));
    await wire.reply(1);
    await pause(TOO_EARLY_MS);
    wire.send(authorize(lab));
    const reply = await wire.reply(AUTHORIZE_ID);
    const early = wire.lines.slice(0, wire.lines.indexOf(reply)).find(isPush);
    demand(early === undefined, `nothing but replies to ${agent} before authorize is answered`, () =>
      shown(early!.text),
    );
  }
  return '';
}

/** The only order that every client takes. */
async function welcome(lab: Lab): Promise<string> {
  for (const agent of ALL_AGENTS) {
    const wire = await lab.connect();
    wire.send(subscribe([agent]), authorize(lab));
    const reply = await wire.reply(AUTHORIZE_ID);
    await wire.push('mining.notify');
    const from = wire.lines.indexOf(reply) + 1;
    const methods = wire.lines.slice(from).map((line) => String(line.fields?.method));
    const order = methods.slice(0, methods.indexOf('mining.notify') + 1).map((name) => name.split('.').pop());
    const wanted = ['set_extranonce', 'set_difficulty', 'notify'];
    const isBitmains = agent === AGENTS.bitmain && order.join() === wanted.slice(1).join();
    demand(
      isBitmains || order.join() === wanted.join(),
      `${wanted.join(', ')} to ${agent}`,
      order.join(', '),
    );
  }
  return '';
}

/** IceRiver KS2L hangs up when no job follows; waiting for the next template is too long. */
async function firstJob(lab: Lab): Promise<string> {
  const afterMs: number[] = [];
  for (let tried = 0; tried < TRIES; tried++) {
    const wire = await lab.connect();
    wire.send(subscribe([AGENTS.default]), authorize(lab));
    const reply = await wire.reply(AUTHORIZE_ID);
    const job = await wire.push('mining.notify');
    afterMs.push(job.atMs - reply.atMs);
    wire.close();
  }
  // What else the machine does is not the server's fault, so one slow login is none.
  const medianMs = afterMs.sort((one, other) => one - other)[Math.floor(TRIES / 2)]!;
  demand(
    medianMs <= FIRST_JOB_MS,
    `a job within ${FIRST_JOB_MS} ms`,
    `${medianMs.toFixed(0)} ms, the median of ${TRIES}`,
  );
  return `${medianMs.toFixed(1)} ms`;
}

async function loginCode(
  lab: Lab,
  login: string,
  password?: unknown,
): Promise<{ code: number; text: string }> {
  const wire = await lab.connect();
  wire.send(subscribe([AGENTS.default]), authorize(lab, login, password));
  const line = await wire.reply(AUTHORIZE_ID);
  wire.close();
  return { code: codeOf(line), text: shown(line.text) };
}

/** Mining OS templates glue names to an address; a checksum is all that stands between a typing error and somebody else. */
async function addresses(lab: Lab): Promise<string> {
  const bare = lab.address.split(':')[1]!;
  const ecdsa = lab.addressOf(AddressVersion.EcdsaKey);
  for (const login of [lab.address, bare, `${lab.address},Rig_1234`, ecdsa]) {
    const { code, text } = await loginCode(lab, login);
    demand(code === 0, `the login ${login} to be accepted`, text);
  }
  const last = lab.address.at(-1) === 'q' ? 'p' : 'q';
  const mistyped = `${lab.address.slice(0, -1)}${last}`;
  for (const login of [lab.foreignAddress, mistyped, 'nobody', '']) {
    const { code, text } = await loginCode(lab, login);
    demand(code === 24, `the login ${shown(login)} to be refused with 24`, text);
  }
  return `${lab.prefix}:`;
}

/** What a farm may call its rigs, and what somebody may try. */
async function workers(lab: Lab): Promise<string> {
  const tails = [
    '',
    '.rig1',
    '.rig1.0xabc',
    '.',
    '.<script>alert(1)</script>',
    `.${'x'.repeat(200)}`,
    '.é\t"',
  ];
  for (const tail of tails) {
    const { code, text } = await loginCode(lab, `${lab.address}${tail}`);
    demand(code === 0, `the login ADDRESS${shown(tail)} to be accepted`, text);
  }
  return '';
}

/** Many of them are wishes for other pools; none is a reason to refuse a miner. */
async function passwords(lab: Lab): Promise<string> {
  const passwords = [undefined, '', 'x', 'd=4096', 'diff=4096', 'c=KAS,d=4096', 'd=4096;x', 'd=5000'];
  for (const password of [...passwords, 'd=0', 'd=-1', 'd=1e999', 'd=', null, 7]) {
    const wire = await lab.connect();
    wire.send(subscribe([AGENTS.default]), authorize(lab, undefined, password));
    const { text } = await wire.push('mining.set_difficulty');
    const value = Number(/\[\s*([^\]]+)\]/.exec(text)?.[1]);
    demand(
      value > 0 && Number.isInteger(Math.log2(value)),
      `a power of two for the password ${JSON.stringify(password)}`,
      () => shown(text),
    );
    wire.close();
  }
  return '';
}

/** Results from before a reconnect come so; a miner that is cut for it reconnects once more. */
async function submitBeforeAuthorize(lab: Lab): Promise<string> {
  const wire = await lab.connect();
  wire.send({ id: 8, method: 'mining.submit', params: ['w', '1', '0001000000000001'] });
  const line = await wire.reply(8);
  demand(codeOf(line) === 24, 'error 24', () => shown(line.text));
  wire.send(subscribe([AGENTS.default], 9));
  await wire.reply(9);
  return '';
}

/** Some small miners never subscribe; they can be given the default profile. */
async function authorizeAlone(lab: Lab): Promise<string> {
  const session = await lab.session('');
  demand(session.job.form === 'array', 'a job in the array form', () => shown(session.job.line));
  return '';
}

export const LOGIN_POINTS: readonly Point[] = [
  point(13, 'subscribe succeeds with a name, null, a protocol, a session id, or nothing', subscribeForms),
  point(14, 'subscribe is answered [true,"EthereumStratum/1.0.0"]', usualReply),
  point(15, 'Bitmain firmware is answered [null,"xxxx",6], in any case of its name', bitmainReply),
  point(16, 'extranonce.subscribe is answered true, before and after authorize', extranonceSubscribe),
  point(17, 'nothing but replies is sent before authorize is answered', onlyRepliesBefore),
  point(18, 'then extranonce, difficulty and job, and nothing between', welcome),
  point(19, 'the first job leaves within 50 ms of that answer', firstJob),
  point(20, 'addresses in all spellings; a wrong checksum or network is refused with 24', addresses),
  point(21, 'workers of all kinds are accepted', workers),
  point(22, 'passwords of all kinds are accepted; a wished difficulty becomes a power of two', passwords),
  point(23, 'a submission before authorize is answered 24, and the socket stays open', submitBeforeAuthorize),
  point(24, 'authorize works without subscribe', authorizeAlone),
];
