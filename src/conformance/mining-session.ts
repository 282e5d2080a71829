/** A logged-in client of a chosen kind, as a check needs one: it follows jobs, finds shares by real work and reads verdicts. */
import { demand, NotApplicable, shown } from './finding.ts';
import { type Job, readJob } from './job-forms.ts';
import { type Band, costOf, type ShareFinder, targetOf } from './share-finder.ts';
import type { Wire } from './wire.ts';
import type { Line } from './witness.ts';

export interface SessionChoice {
  /** '' = no subscribe at all. */
  readonly agent: string;
  readonly login: string;
  readonly password: string;
}

export interface GivenJob extends Job {
  /** The difficulty that was pushed before it. */
  readonly difficulty: number;
  readonly atMs: number;
}

/** More than this per check is no check but a mine: about ten seconds of one core. */
export const HASHES_MAX = 2 ** 24;
/** So much more than expected before luck is no excuse: e^-12. */
const LUCK = 12;
const AUTHORIZE_ID = 2;

export class MiningSession {
  readonly wire: Wire;
  readonly #finder: ShareFinder;
  readonly #jobs: GivenJob[] = [];
  #extranonceHex = '';
  #readTo = 0;
  #difficulty = 0;
  #nextId = 100;
  /** No two shares of a session are the same; a random start keeps runs apart that are lent the same extranonce. */
  #counter = BigInt(Math.floor(Math.random() * 2 ** 40));

  private constructor(wire: Wire, finder: ShareFinder) {
    this.wire = wire;
    this.#finder = finder;
  }

  /** Resolves when the first job is there. */
  static async open(wire: Wire, finder: ShareFinder, choice: SessionChoice): Promise<MiningSession> {
    const session = new MiningSession(wire, finder);
    if (choice.agent !== '') {
      wire.send({ id: 1, method: 'mining.subscribe', params: [choice.agent] });
      const { result } = (await wire.reply(1)).fields!;
      if (Array.isArray(result) && typeof result[1] === 'string' && typeof result[2] === 'number')
        session.#extranonceHex = result[1];
    }
    wire.send({ id: AUTHORIZE_ID, method: 'mining.authorize', params: [choice.login, choice.password] });
    const reply = await wire.reply(AUTHORIZE_ID);
    demand(reply.fields?.result === true, 'a login that is accepted', () => shown(reply.text));
    await wire.until(() => session.jobs.length > 0 || wire.closed, 'a job after the login');
    demand(session.jobs.length > 0, 'a job after the login', 'the connection was closed');
    return session;
  }

  /** All that came so far, the oldest first. */
  get jobs(): readonly GivenJob[] {
    this.#follow();
    return this.#jobs;
  }

  get job(): GivenJob {
    return this.jobs.at(-1)!;
  }

  get extranonceHex(): string {
    this.#follow();
    return this.#extranonceHex;
  }

  /** Waits for a job that fits. */
  async jobThat(fits: (job: GivenJob) => boolean, expected: string, patienceMs = 5_000): Promise<GivenJob> {
    await this.wire.until(() => this.jobs.some(fits) || this.wire.closed, expected, patienceMs);
    const job = this.jobs.find(fits);
    demand(job !== undefined, expected, 'the connection was closed');
    return job;
  }

  /** A nonce of 16 digits on this job, within the band, never the same twice. Throws NotApplicable where that costs too much. */
  async find(job: GivenJob, band: Band = { above: 0n, atMost: targetOf(job.difficulty) }): Promise<string> {
    const cost = costOf(band);
    if (cost > HASHES_MAX)
      throw new NotApplicable(
        `it takes ${cost.toExponential(1)} hashes at difficulty ${job.difficulty}: ask a port for CPUs, or one that takes d= down to 2^-31`,
      );
    const prefix = BigInt(`0x${this.extranonceHex || '0'}`) << BigInt(64 - this.extranonceHex.length * 4);
    const nonce = await this.#finder.find(job, prefix + this.#counter, band, cost * LUCK + 2 ** 14);
    demand(nonce !== undefined, 'a share within the work expected', 'none: is the job what it says?');
    this.#counter = (nonce & ((1n << 48n) - 1n)) + 1n;
    return nonce.toString(16).padStart(16, '0');
  }

  /** A share whose digits below the extranonce are few, so that leading zeros can be left out. */
  async findSmall(job: GivenJob): Promise<string> {
    const before = this.#counter;
    this.#counter = BigInt(this.#nextId) << 20n;
    const nonce = await this.find(job);
    this.#counter = before;
    return nonce;
  }

  /** 0 = `true`, otherwise the code of the refusal. `params` replaces all of them. */
  async submit(
    jobId: unknown,
    nonce: unknown,
    params: readonly unknown[] = ['w', jobId, nonce],
  ): Promise<Answer> {
    const id = this.#nextId++;
    const sentAtMs = performance.now();
    const text = JSON.stringify({ id, method: 'mining.submit', params });
    this.wire.send(text);
    const line = await this.wire.reply(id);
    return { code: codeOf(line), exchange: `${text} -> ${line.text}`, afterMs: line.atMs - sentAtMs };
  }

  close(): void {
    this.wire.close();
  }

  #follow(): void {
    const { lines } = this.wire;
    for (; this.#readTo < lines.length; this.#readTo++) {
      const { fields, text, atMs } = lines[this.#readTo]!;
      const [first] = Array.isArray(fields?.params) ? (fields.params as unknown[]) : [];
      switch (fields?.method) {
        case 'mining.set_difficulty':
          this.#difficulty = Number(first);
          break;
        case 'mining.set_extranonce':
        case 'set_extranonce':
          this.#extranonceHex = String(first);
          break;
        case 'mining.notify':
          this.#jobs.push({ ...readJob(text), difficulty: this.#difficulty, atMs });
      }
    }
  }
}

export interface Answer {
  readonly code: number;
  /** Request and reply, for a report. */
  readonly exchange: string;
  readonly afterMs: number;
}

/** -1: neither `true` nor an error. */
export function codeOf({ fields }: Line): number {
  if (fields?.result === true && (fields.error ?? null) === null) return 0;
  const error = fields?.error;
  return Array.isArray(error) && typeof error[0] === 'number' ? error[0] : -1;
}
