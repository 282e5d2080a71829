/** Points 35 to 42: what a job looks like, how often one comes, and who is cut for not reading. */
import { demand, NotApplicable, shown } from './finding.ts';
import { wordsOf } from './job-forms.ts';
import { AGENTS, type Lab, sentinel } from './lab.ts';
import type { GivenJob, MiningSession } from './mining-session.ts';
import { type Point, point } from './point.ts';
import { pause } from './wire.ts';

/** Enough for a word beyond 2^63 among them, nearly always, and for a rounded one in every case. */
const JOBS_COMPARED = 6;
const COLLECT_MS = 20_000;
const PACE_SECONDS = 5;
const JOBS_PER_SECOND_MAX = 4;
const BUSY_TEMPLATES_PER_SECOND = 20;
/** The window of the trailing edge, and what a busy machine adds. */
const NEWEST_WITHIN_MS = 600;
const KEEP_ALIVE_MS = 30_000;
const KEEP_ALIVE_SLACK_MS = 1_000;
/** Half a minute is the longest that a server should be patient, and then it has to notice. */
const DEAF_MS = 45_000;
/** Beyond this JSON numbers are rounded. */
const EXACT_END = 1n << 53n;

const ARRAY_LINE =
  /"method":"mining\.notify","params":\["[^"]+",\[(?:[1-9]\d*,){3}[1-9]\d*\],[1-9]\d*\]\}\r?$/;
const HEX_LINE = /"method":"mining\.notify","params":\["[^"]+","[0-9a-f]{80}"\]\}\r?$/;

async function collected(lab: Lab, agent: string): Promise<readonly GivenJob[]> {
  const session = await lab.session(agent);
  const wanted = (): boolean => session.jobs.length >= JOBS_COMPARED || session.wire.closed;
  // Where templates come slowly, fewer must do.
  await session.wire.until(wanted, 'jobs', COLLECT_MS).catch(() => {});
  session.close();
  return session.jobs;
}

/** A server that prints these from doubles sends every miner to work on a hash that does not exist. */
async function arrayForm(lab: Lab): Promise<string> {
  const jobs = await collected(lab, AGENTS.bitmain);
  for (const { line } of jobs)
    demand(ARRAY_LINE.test(line), 'params of "id",[four unsigned integers],timestamp', () => shown(line));
  const large = jobs.flatMap(wordsOf).filter((word) => word > EXACT_END);
  demand(
    large.length === 0 || large.some((word) => BigInt(Number(word)) !== word),
    'integers beyond 2^53 that are not rounded to doubles',
    () => large.join(', '),
  );
  return `${jobs.length} jobs`;
}

/** What IceRiver, BzMiner and Goldshell read. */
async function hexForm(lab: Lab): Promise<string> {
  const jobs = await collected(lab, AGENTS.hex);
  for (const { line } of jobs)
    demand(HEX_LINE.test(line), 'params of "id","80 lower-case hex digits"', () => shown(line));
  return `${jobs.length} jobs`;
}

/** A wrong byte order in one of them costs all shares of half of the miners. */
async function bothForms(lab: Lab): Promise<string> {
  const [arrays, hexes] = await Promise.all([collected(lab, AGENTS.bitmain), collected(lab, AGENTS.hex)]);
  let compared = 0;
  for (const array of arrays) {
    const twin = hexes.find((hex) => hex.id === array.id && hex.timestampMs === array.timestampMs);
    if (twin === undefined) continue;
    compared++;
    demand(twin.work === array.work, `the same 40 bytes as ${shown(array.line)}`, () => shown(twin.line));
  }
  if (compared === 0)
    throw new NotApplicable('the two clients were given no job of the same id and timestamp');
  return `${compared} jobs in both forms`;
}

/** Until `frozen` ends no template changes but by our own blocks. */
async function whileFrozen<T>(lab: Lab, work: () => Promise<T>): Promise<T> {
  const control = await lab.control();
  await control.send('freeze', { value: 'on' });
  try {
    return await work();
  } finally {
    await control.send('freeze', { value: 'off' });
  }
}

/** At ten jobs a second ASICs restart work all the time and name wrong jobs. */
async function pace(lab: Lab): Promise<string> {
  const control = lab.options.simnode === '' ? undefined : await lab.control();
  const before = (await control?.status())?.blocksPerSecond;
  await control?.send('rate', { value: BUSY_TEMPLATES_PER_SECOND });
  try {
    const session = await lab.session(AGENTS.hex);
    const from = session.jobs.length;
    await pause(PACE_SECONDS * 1_000);
    const came = session.jobs.length - from;
    // One more, as the window may begin just before a job.
    const most = PACE_SECONDS * JOBS_PER_SECOND_MAX + 1;
    demand(came <= most, `at most ${most} jobs in ${PACE_SECONDS} s`, `${came}`);
    await holdsNewest(lab, session);
    return `${came} jobs in ${PACE_SECONDS} s${control ? '' : ', at whatever pace templates came'}`;
  } finally {
    if (before !== undefined) await control?.send('rate', { value: before });
  }
}

/** What a client that comes now is given, the older one must have as well in a moment. */
async function holdsNewest(lab: Lab, session: MiningSession): Promise<void> {
  const newest = (await lab.session(AGENTS.hex)).job;
  await session.jobThat(
    ({ work, timestampMs }) => work === newest.work || timestampMs > newest.timestampMs,
    'the newest work soon after somebody else was given it',
    NEWEST_WITHIN_MS,
  );
}

/** Jobs are all that keeps a link awake; clients leave after a minute or two of silence. */
async function keepAlive(lab: Lab): Promise<string> {
  lab.needsTime(KEEP_ALIVE_MS / 1_000);
  return await whileFrozen(lab, async () => {
    const session = await lab.session(AGENTS.hex);
    await pause(KEEP_ALIVE_MS + KEEP_ALIVE_SLACK_MS);
    // One came with the login; the watch began with it.
    demand(session.jobs.length > 1, 'a job every 30 s without a new template', 'none came');
    return `${session.jobs.length - 1} jobs in ${KEEP_ALIVE_MS / 1_000} s without a new template`;
  });
}

/** A client asks and asks and reads nothing; another one lives beside it. */
async function deafClient(lab: Lab): Promise<string> {
  const bystander = await lab.session(AGENTS.hex);
  // A worker of its own: some servers keep one out for a while that they had to cut.
  const deaf = await lab.session(AGENTS.default, { login: `${lab.address}.deaf` });
  deaf.wire.socket.pause();
  const flood = `${JSON.stringify(sentinel('x'.repeat(100)))}\n`;
  const startedMs = performance.now();
  let ended = false;
  // Paused, only a failed write tells that the other side is gone.
  deaf.wire.socket.on('error', () => (ended = true)).on('close', () => (ended = true));
  while (!ended && performance.now() - startedMs < DEAF_MS) {
    if (!deaf.wire.socket.writableNeedDrain) deaf.wire.socket.write(flood.repeat(200));
    await pause(5);
  }
  const afterMs = performance.now() - startedMs;
  demand(ended, `a client that does not read to be cut within ${DEAF_MS / 1_000} s`, 'it still is connected');
  bystander.wire.send(sentinel('others'));
  const askedMs = performance.now();
  await bystander.wire.reply('others');
  return `cut after ${(afterMs / 1000).toFixed(1)} s; another client was answered in ${(performance.now() - askedMs).toFixed(0)} ms`;
}

export const JOB_POINTS: readonly Point[] = [
  point(35, 'the array form is exact, without rounded integers', arrayForm),
  point(36, 'the big form is 80 lower-case hex digits and no more params', hexForm),
  point(37, 'both forms are the same 40 bytes', bothForms),
  point(
    38,
    'no word of a hash and no timestamp is zero',
    async (lab) => lab.witness.judge('job words', 'jobs without a zero word'),
    'verdict',
  ),
  point(
    39,
    'job ids are plain decimals below 10 digits and name one job each',
    async (lab) => lab.witness.judge('job id', 'ids as ^[1-9][0-9]{0,8}$, each for one job'),
    'verdict',
  ),
  point(40, 'at most four jobs a second, and the newest soon', pace),
  point(41, 'a job at least every 30 s, also without a new template', keepAlive, 'alone'),
  point(42, 'a client that does not read is cut, others do not notice', deafClient),
];
