/** Points 29 to 34: difficulties, what they demand, and how they change. */
import { demand, NotApplicable } from './finding.ts';
import { AGENTS, type Lab } from './lab.ts';
import { HASHES_MAX, type MiningSession } from './mining-session.ts';
import { type Point, point } from './point.ts';
import { costOf, strictTargetOf, targetOf } from './share-finder.ts';
import { pause } from './wire.ts';

/** Powers of two that a CPU meets. */
const EASY_LOG2 = -20;
const EASIER_LOG2 = -24;
const LEAST_LOG2 = -31;
const SILENT_FIRST_STEP_MS = 60_000;
const SILENT_STEP_MS = 30_000;
/** Clocks and the way of a job: a step may seem that much earlier than it was made. */
const SLACK_MS = 1_500;
const SILENCE_WATCHED_S = 95;
/** Fast for a port that CPUs can mine on, and 6 % of a core. */
const FAST_HASHES_PER_SECOND = 100_000;
const FAST_SECONDS = 60;
const RATE_SECONDS = 20;

/** A little more than the power of two, in digits that every server reads: those that round down come to it. */
const wish = (log2: number): string => `d=${(1.25 * 2 ** log2).toFixed(16)}`;

/** Shares on either side of the target: at most twice it, and just within. */
async function targets(lab: Lab): Promise<string> {
  const seen: number[] = [];
  for (const log2 of [EASIER_LOG2, EASY_LOG2]) {
    const session = await lab.session(AGENTS.default, { password: wish(log2) });
    const { job } = session;
    const target = targetOf(job.difficulty);
    const inside = await session.submit(
      job.id,
      await session.find(job, { above: target / 2n, atMost: target }),
    );
    demand(inside.code === 0, `true for a share within 2^224 / ${job.difficulty}`, inside.exchange);
    const outside = await session.submit(
      job.id,
      await session.find(job, { above: target, atMost: target * 2n }),
    );
    demand(outside.code === 23, `23 for one above 2^224 / ${job.difficulty}`, outside.exchange);
    if (!seen.includes(job.difficulty)) seen.push(job.difficulty);
    session.close();
  }
  return `at difficulty ${seen.join(' and ')}`;
}

/** Miners of one convention lose one share in 65,536 at a server of the other; the easier one refuses nobody. */
async function easierConvention(lab: Lab): Promise<string> {
  const session = await lab.session(AGENTS.default, { password: wish(LEAST_LOG2) });
  const { job } = session;
  const band = { above: strictTargetOf(job.difficulty), atMost: targetOf(job.difficulty) };
  const { code, exchange } = await session.submit(job.id, await session.find(job, band));
  demand(code === 0, 'true for a share between 0xffff x 2^208 / d and 2^224 / d', exchange);
  return `at difficulty ${job.difficulty}`;
}

/** A session whose difficulty rises: by a second authorize, as nothing else can ask for it. */
async function raised(lab: Lab): Promise<{ session: MiningSession; before: number; after: number }> {
  const session = await lab.session(AGENTS.default, { password: wish(EASIER_LOG2) });
  const before = session.job.difficulty;
  session.wire.send({
    id: 60,
    method: 'mining.authorize',
    params: [`${lab.address}.conformance`, wish(EASY_LOG2)],
  });
  await session.wire.reply(60);
  await pause(1_500);
  const after = session.job.difficulty;
  if (after <= before)
    throw new NotApplicable(
      'the server changes no difficulty when a client authorizes again with another d=',
    );
  return { session, before, after };
}

/** Judged at the new difficulty, every share under way is a reject: bursts of 23 after each retarget. */
async function riseCostsNothing(lab: Lab): Promise<string> {
  const { session, before, after } = await raised(lab);
  const older = session.jobs.findLast((job) => job.difficulty === before)!;
  const onlyOld = { above: targetOf(after), atMost: targetOf(before) };
  const first = await session.submit(older.id, await session.find(older, onlyOld));
  demand(
    first.code === 0,
    `true for a share of difficulty ${before} on a job sent before the rise`,
    first.exchange,
  );
  const newer = session.job;
  const second = await session.submit(newer.id, await session.find(newer, onlyOld));
  demand(second.code === 23, '23 for the same on a job sent after it', second.exchange);
  return `from ${before} to ${after}`;
}

/** Both ends of variable difficulty at once, since each takes more than a minute. */
async function silentAndFast(lab: Lab): Promise<string> {
  lab.needsTime(SILENCE_WATCHED_S);
  const [silent, fast] = await Promise.all([silentClient(lab), fastClient(lab)]);
  return `silent: ${silent}; fast: ${fast}`;
}

/** It hears jobs and says nothing. */
async function silentClient(lab: Lab): Promise<string> {
  const session = await lab.session(AGENTS.hex);
  const startedMs = performance.now();
  await pause(SILENCE_WATCHED_S * 1_000);
  demand(!session.wire.closed, 'a silent client to be kept', 'the connection was closed');
  const steps: { log2: number; afterMs: number }[] = [];
  for (const job of session.jobs) {
    const log2 = Math.log2(job.difficulty);
    if (steps.length > 0 && steps.at(-1)!.log2 === log2) continue;
    steps.push({ log2, afterMs: job.atMs - startedMs });
  }
  for (const [index, step] of steps.entries()) {
    if (index === 0) continue;
    const sinceMs = step.afterMs - (index === 1 ? 0 : steps[index - 1]!.afterMs);
    const leastMs = (index === 1 ? SILENT_FIRST_STEP_MS : SILENT_STEP_MS) - SLACK_MS;
    const seen = steps.map(({ log2, afterMs }) => `2^${log2} at ${(afterMs / 1000).toFixed(1)} s`).join(', ');
    demand(sinceMs >= leastMs, 'no step in the first 60 s, then one in 30 s at most', seen);
    demand(steps[index - 1]!.log2 - step.log2 === 1, 'one power of two at a time', seen);
  }
  return `${steps.length - 1} steps down in ${SILENCE_WATCHED_S} s`;
}

/** It sends as many shares as its hashrate finds, on the newest job. */
async function fastClient(lab: Lab): Promise<string> {
  const session = await lab.session();
  if (costOf({ above: 0n, atMost: targetOf(session.job.difficulty) }) > HASHES_MAX)
    return `not tried at difficulty ${session.job.difficulty}`;
  const first = session.job.difficulty;
  const sentAtMs: number[] = [];
  const startedMs = performance.now();
  const endMs = startedMs + (FAST_SECONDS + RATE_SECONDS) * 1_000;
  while (performance.now() < endMs) {
    const { job } = session;
    const dueMs =
      performance.now() +
      (costOf({ above: 0n, atMost: targetOf(job.difficulty) }) * 1_000) / FAST_HASHES_PER_SECOND;
    const answer = await session.submit(job.id, await session.find(job));
    await pause(dueMs - performance.now());
    demand(
      answer.code === 0,
      'true for every share, whatever its difficulty is about to be',
      answer.exchange,
    );
    sentAtMs.push(performance.now());
  }
  const last = session.job.difficulty;
  const late = sentAtMs.filter((atMs) => atMs >= startedMs + FAST_SECONDS * 1_000).length;
  const perMinute = (late * 60) / RATE_SECONDS;
  const { sharesPerMinute } = lab.options;
  const told = `difficulty ${first} to ${last}, ${perMinute.toFixed(0)} shares a minute after ${FAST_SECONDS} s`;
  if (sharesPerMinute === 0) return `${told} (--shares-per-minute would judge it)`;
  // Twice the target, and what chance adds to a count so small.
  const bound = (2 * sharesPerMinute * RATE_SECONDS) / 60;
  demand(late <= bound + 2.6 * Math.sqrt(bound), `at most twice ${sharesPerMinute} shares a minute`, told);
  return told;
}

export const DIFFICULTY_POINTS: readonly Point[] = [
  point(
    29,
    'every difficulty is a power of two, without a point where it is whole',
    async (lab) => lab.witness.judge('difficulty', 'powers of two in plain digits'),
    'verdict',
  ),
  point(30, 'the target of difficulty d is 2^224 / d', targets),
  point(31, 'a share between the two conventions of difficulty 1 is accepted', easierConvention),
  point(32, 'a rise costs no share on jobs sent before it', riseCostsNothing),
  point(
    33,
    'a difficulty is followed by a job with a new id',
    async (lab) => lab.witness.judge('difficulty then job', 'a job with a new id behind every difficulty'),
    'verdict',
  ),
  point(
    34,
    'a silent client is stepped down slowly, a fast one finds its rate in 60 s',
    silentAndFast,
    'early',
  ),
];
