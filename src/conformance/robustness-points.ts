/** Points 57 to 60: storms, counts, balancers and the end. */
import { demand, NotApplicable, shown, Unmet } from './finding.ts';
import { AGENTS, type Lab } from './lab.ts';
import { type Point, point } from './point.ts';
import { pause, type Wire } from './wire.ts';

const AT_ONCE = 50;
const HANG_UP_MS = 1_000;
/** For the server to notice that sockets are closed. */
const SETTLE_MS = 3_000;
/** A client is told its answers before its socket closes; then the process may flush. */
const STOP_MS = 20_000;
const PROXY_V1 = 'PROXY TCP4 192.0.2.7 192.0.2.1 40000 5555\r\n';
const PROXY_V2 = Buffer.from('0d0a0d0a000d0a515549540a2111000cc0000207c00002019c4015b3', 'hex');

const subscribe = { id: 1, method: 'mining.subscribe', params: [AGENTS.default] };

/** Comes, says one thing, goes: half of them before the answer. */
async function storm(lab: Lab): Promise<string> {
  let begun = 0;
  let refused = 0;
  const clientLoop = async (): Promise<void> => {
    while (begun < lab.options.storm) {
      const isHasty = begun++ % 2 === 0;
      let wire: Wire | undefined;
      try {
        wire = await lab.connect();
        wire.send(subscribe);
        if (!isHasty) await wire.reply(1);
      } catch (error) {
        // A limit per address is a sound answer to a storm.
        if (!(error instanceof Unmet)) throw error;
        refused++;
      }
      wire?.close();
    }
  };
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, clientLoop));
  const seconds = (performance.now() - startedMs) / 1000;
  const session = await lab.patientSession();
  demand(session.extranonceHex !== '', 'an extranonce for the next client', 'none');
  session.close();
  return `${begun} connections in ${seconds.toFixed(1)} s, ${refused} refused`;
}

async function gauge(lab: Lab): Promise<number> {
  const { metricsUrl, connectionsMetric } = lab.options;
  const text = await (await fetch(metricsUrl)).text();
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${connectionsMetric} `) || line.startsWith(`${connectionsMetric}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  demand(values.length > 0, `the gauge ${connectionsMetric}`, `no such line at ${metricsUrl}`);
  return values.reduce((sum, value) => sum + value, 0);
}

/** A count that only grows is a leak of sockets, extranonces or both. */
async function countsAgree(lab: Lab): Promise<string> {
  if (lab.options.metricsUrl === '')
    throw new NotApplicable('no wire shows how many connections a server counts: --metrics-url');
  await pause(SETTLE_MS / 3);
  const before = await gauge(lab);
  await storm(lab);
  const opened = await Promise.all(Array.from({ length: AT_ONCE }, () => lab.patientSession()));
  const full = await gauge(lab);
  for (const session of opened) session.close();
  const endMs = performance.now() + SETTLE_MS;
  let after = await gauge(lab);
  while (after !== before && performance.now() < endMs) {
    await pause(100);
    after = await gauge(lab);
  }
  demand(full === before + AT_ONCE, `${before + AT_ONCE} counted with ${AT_ONCE} more open`, `${full}`);
  demand(after === before, `${before} counted after ${lab.options.storm} came and went`, `${after}`);
  return `${lab.options.storm} came and went, ${after} counted before and after`;
}

/** It hangs up without service, or says that this was junk. */
async function demandRefusal(wire: Wire, bytes: string | Uint8Array, what: string): Promise<void> {
  wire.write(bytes);
  wire.send(subscribe);
  await wire.ended(HANG_UP_MS).catch(() => {});
  const isServed = wire.lines.some(({ fields }) => Array.isArray(fields?.result));
  const isRefused = wire.lines.some(({ fields }) => Array.isArray(fields?.error));
  demand(wire.closed ? !isServed : isRefused, `a refusal of ${what}`, () => shown(wire.raw));
}

/** Read where nobody put it, it lets a stranger choose his address. */
async function proxyHeaders(lab: Lab): Promise<string> {
  await demandRefusal(await lab.connect(), PROXY_V1, 'a PROXY v1 header on a port without');
  await demandRefusal(await lab.connect(), PROXY_V2, 'a PROXY v2 header on a port without');
  const place = lab.options.proxyPlace;
  if (place === undefined) return 'a port without it; one with it: --proxy-url';
  for (const header of [PROXY_V1, PROXY_V2]) {
    const wire = await lab.connect(place);
    wire.write(header);
    wire.send(subscribe);
    await wire.reply(1);
  }
  await demandRefusal(await lab.connect(place), '', 'no header on a port that wants one');
  return 'ports with and without';
}

/** Shares are on their way when the server is told to stop: all are answered, then it hangs up, and nobody gets in. */
async function orderlyEnd(lab: Lab): Promise<string> {
  const { pid, place } = lab.options;
  if (pid === 0) throw new NotApplicable('it takes a server that may be stopped: --pid');
  const session = await lab.session(AGENTS.hex);
  const ids = Array.from({ length: 20 }, (_, index) => 5_000 + index);
  session.wire.send(
    ...ids.map((id) => ({ id, method: 'mining.submit', params: ['w', session.job.id, id.toString(16)] })),
  );
  // Received, not only sent: the first answer is here.
  await session.wire.reply(ids[0]);
  process.kill(pid, 'SIGTERM');
  await session.wire.ended(STOP_MS);
  const answered = ids.filter((id) => session.wire.lines.some(({ fields }) => fields?.id === id));
  demand(answered.length === ids.length, `${ids.length} answers before the end`, `${answered.length}`);
  const endMs = performance.now() + STOP_MS;
  while (await isListening(lab)) {
    demand(
      performance.now() < endMs,
      `nobody listening at ${place.host}:${place.port}`,
      'still taking connections',
    );
    await pause(100);
  }
  return '';
}

async function isListening(lab: Lab): Promise<boolean> {
  try {
    (await lab.connect()).close();
    return true;
  } catch {
    return false;
  }
}

export const ROBUSTNESS_POINTS: readonly Point[] = [
  point(57, 'a storm of connections from one address leaves room for the next client', storm, 'alone'),
  point(58, 'after a storm as many connections are counted as are open', countsAgree, 'alone'),
  point(59, 'PROXY headers are read where they belong and refused elsewhere', proxyHeaders),
  point(60, 'told to stop, it answers what it has received and hangs up', orderlyEnd, 'last'),
];
