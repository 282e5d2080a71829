/** Points 43 to 50: submissions in every spelling, and what must not be paid. */
import { loadKernel } from '../../wasm/load.ts';
import { DIFFICULTY_LOG2_MAX, leBytesToInteger, targetToLeBytes } from '../domain/target.ts';
import {
  OFFSET_DIFFICULTY_LOG2,
  OFFSET_NONCE,
  OFFSET_TEMPLATE_SEQUENCE,
  OFFSET_TEMPLATE_SLOT,
  OFFSET_VERDICT,
} from '../validation/batch-layout.ts';
import { demand, NotApplicable } from './finding.ts';
import { AGENTS, type Lab } from './lab.ts';
import type { Answer } from './mining-session.ts';
import { type Point, point } from './point.ts';
import { pause } from './wire.ts';

/** Longer than any sound server keeps a job. */
const EXPIRED_AFTER_S = 35;
const NORMAL_LATENCY_MS = 1_000;
/** Of the walk back over earlier jobs. */
const WALK_MAX = 16;

function demandCode({ code, exchange }: Answer, wanted: number, expected: string): void {
  demand(code === wanted, expected, exchange);
}

/** Each spelling with a share of its own: read wrongly, it is some other nonce and misses the target. */
async function spellings(lab: Lab): Promise<string> {
  const session = await lab.worker();
  const forms: readonly (readonly [string, (full: string, low: string) => string])[] = [
    ['16 digits', (full) => full],
    ['0x and 16 digits', (full) => `0x${full}`],
    ['0X and 16 digits', (full) => `0X${full}`],
    ['upper case', (full) => full.toUpperCase()],
    ['12 digits below the extranonce', (_, low) => low],
    ['without leading zeros', (_, low) => low.replace(/^0+(?=.)/, '')],
    ['upper case without leading zeros', (_, low) => low.replace(/^0+(?=.)/, '').toUpperCase()],
  ];
  for (const [name, write] of forms) {
    const { job, extranonceHex } = session;
    const full = await session.findSmall(job);
    const answer = await session.submit(job.id, write(full, full.slice(extranonceHex.length)));
    demandCode(answer, 0, `true for a share written as ${name}`);
  }
  const { job } = session;
  const nonce = await session.find(job);
  const five = await session.submit(job.id, nonce, ['w', job.id, 'e2', 'ntime', nonce]);
  demandCode(five, 0, 'true for the form of five params');
  return `extranonce ${session.extranonceHex}, difficulty ${job.difficulty}`;
}

/** A missing answer is worse than an error: lolMiner reconnects for it. */
async function badNonces(lab: Lab): Promise<string> {
  for (const nonce of ['00000000000000001', '', 'xyz', 12, null]) {
    const session = await lab.session();
    const answer = await session.submit(session.job.id, nonce);
    demandCode(answer, 20, `error 20 for the nonce ${JSON.stringify(nonce)}`);
    session.close();
  }
  return '';
}

/** Otherwise a share may be handed in on whichever connection it pays best. */
async function foreignExtranonce(lab: Lab): Promise<string> {
  const [owner, other] = await Promise.all([lab.worker(), lab.worker()]);
  if (owner.extranonceHex === '') throw new NotApplicable('the server gives no extranonce');
  const job = await other.jobThat(({ id }) => owner.jobs.some((one) => one.id === id), 'a job of both');
  const nonce = await owner.find(owner.jobs.find((one) => one.id === job.id)!);
  const answer = await other.submit(job.id, nonce);
  demand(answer.code > 0, 'a refusal of a share under the extranonce of somebody else', answer.exchange);
  return `refused with ${answer.code}`;
}

/** A share that waits from the beginning of the run until its job must have expired. */
async function unknownJobs(lab: Lab): Promise<string> {
  const session = await lab.worker();
  const old = session.job;
  const nonce = await session.find(old);
  const future = String(Number(session.job.id) + 1_000);
  for (const id of ['999999999', future, 'abc', '0', '']) {
    const answer = await session.submit(id, nonce);
    demandCode(answer, 21, `error 21 for the job id ${JSON.stringify(id)}`);
    demand(answer.afterMs < NORMAL_LATENCY_MS, 'that answer at once', `${answer.afterMs.toFixed(0)} ms`);
  }
  if (lab.options.quick) return 'without the expired job, which takes 35 s';
  await pause(EXPIRED_AFTER_S * 1_000);
  const next = session.jobs.find(({ id }) => id !== old.id);
  if (next === undefined) throw new NotApplicable('no other job came, so none expired');
  // A node that makes no template stands behind its last one: the job begins to age when another takes its place.
  await pause(next.atMs + EXPIRED_AFTER_S * 1_000 - performance.now());
  demandCode(await session.submit(old.id, nonce), 21, `error 21 for a job of ${EXPIRED_AFTER_S} s ago`);
  return '';
}

/** Seen from clients that keep ids as numbers. */
async function numericJobId(lab: Lab): Promise<string> {
  const session = await lab.worker();
  const { job } = session;
  if (!/^\d+$/.test(job.id)) throw new NotApplicable('job ids of this server are no numbers');
  const answer = await session.submit(Number(job.id), await session.find(job));
  demandCode(answer, 0, 'true for a share that names its job by a number');
  return '';
}

/** The work and the number are the share; id, spelling and connection are only how it came. */
async function duplicates(lab: Lab): Promise<string> {
  const [session, other] = await Promise.all([lab.worker(), lab.worker()]);
  const { job } = session;
  const nonce = await session.find(job);
  demandCode(await session.submit(job.id, nonce), 0, 'true for a share');
  for (const again of [nonce, nonce.toUpperCase(), `0x${nonce}`])
    demandCode(await session.submit(job.id, again), 22, 'error 22 for the same nonce again');
  for (const { id } of session.jobs.filter((one) => one.id !== job.id && one.work === job.work))
    demandCode(await session.submit(id, nonce), 22, 'error 22 under another id of the same work');
  if (other.jobs.some((one) => one.id === job.id && one.work === job.work)) {
    const answer = await other.submit(job.id, nonce);
    demand(answer.code > 0, 'no second credit on another connection', answer.exchange);
  }
  return '';
}

/** A share of one job under the id of a later one. */
async function walkBack(lab: Lab): Promise<string> {
  let rescued = 0;
  for (const [agent, distance] of [
    [AGENTS.default, 1],
    [AGENTS.twoParam, 1],
    [AGENTS.bitmain, 1],
    [AGENTS.hex, 1],
    [AGENTS.hex, WALK_MAX + 1],
  ] as const) {
    const session = await lab.worker(agent);
    const right = session.jobs.length - 1;
    const nonce = await session.find(session.jobs[right]!);
    const enough = (): boolean => session.jobs.length > right + distance || session.wire.closed;
    await session.wire.until(enough, `${distance} more jobs`, 10_000);
    const wrong = session.jobs[right + distance]!;
    const { code, exchange } = await session.submit(wrong.id, nonce);
    const mayRescue = agent === AGENTS.hex && distance <= WALK_MAX;
    demand(
      code === 23 || (mayRescue && code === 0),
      `23 for a share of the job ${distance} before, from ${agent}`,
      exchange,
    );
    if (code === 0) rescued++;
    session.close();
  }
  return rescued > 0 ? 'walks back for ASICs' : 'does not walk back';
}

/** No wire shows a hash that equals its target: the chance is 2^-256. The kernel is asked with a network target made for it. */
async function equalPasses(lab: Lab): Promise<string> {
  lab.needsThisBuild();
  const kernel = loadKernel();
  const hash = Buffer.from('f8a14d381ea0ba5b0c169e8a41c222bce2fa42f4631d9fe4d226456006d7ea3d', 'hex');
  const timestampMs = 1_633_687_894_966n;
  kernel.prepare(0, 1, hash, timestampMs, new Uint8Array(32));
  const nonce = 0x0001_0000_0000_0634n;
  const pow = leBytesToInteger(kernel.powOf(0, nonce));
  const verdictAt = (target: bigint): number => {
    kernel.prepare(0, 1, hash, timestampMs, targetToLeBytes(target));
    const view = new DataView(kernel.records.buffer, kernel.records.byteOffset, kernel.records.byteLength);
    view.setBigUint64(OFFSET_NONCE, nonce, true);
    view.setUint32(OFFSET_TEMPLATE_SLOT, 0, true);
    view.setUint32(OFFSET_TEMPLATE_SEQUENCE, 1, true);
    view.setInt8(OFFSET_DIFFICULTY_LOG2, DIFFICULTY_LOG2_MAX);
    kernel.judge(1);
    return view.getUint8(OFFSET_VERDICT);
  };
  demand(verdictAt(pow) === 2, 'a block where pow equals the target', `verdict ${verdictAt(pow)}`);
  demand(verdictAt(pow - 1n) === 0, 'none where it is above by 1', `verdict ${verdictAt(pow - 1n)}`);
  return 'asked of the kernel of this build';
}

export const SUBMIT_POINTS: readonly Point[] = [
  point(43, 'every spelling of a nonce is the same nonce', spellings),
  point(44, 'what is no nonce is answered 20', badNonces),
  point(45, 'a nonce under a foreign extranonce is refused', foreignExtranonce),
  point(46, 'unknown, future and expired jobs are answered 21, always and at once', unknownJobs, 'early'),
  point(47, 'a job id may be a number', numericJobId),
  point(48, 'the same nonce on the same work is a duplicate, wherever it comes from', duplicates),
  point(49, 'a wrong job id is looked for among 16 earlier jobs at most, and for ASICs alone', walkBack),
  point(50, 'a hash that equals the target passes', equalPasses),
];
