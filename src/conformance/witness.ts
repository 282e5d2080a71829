/**
 * The witness hears every line of every connection of a run, and knows at the end what no single check looks for: that all replies
 * have one shape, all difficulties are powers of two, no job id came twice. Pure.
 */
import { demand, NotApplicable, shown } from './finding.ts';
import { readJob } from './job-forms.ts';

export interface Line {
  readonly text: string;
  /** undefined: not a JSON object. */
  readonly fields: Readonly<Record<string, unknown>> | undefined;
  readonly atMs: number;
}

/** Each kind of line once is enough to show, and a run hears a hundred thousand. */
const OFFENCES_KEPT = 5;

const JOB_ID = /^[1-9][0-9]{0,8}$/;
const DIFFICULTY = /"params":\s*\[\s*([^\],\s]+)\s*\]/;
const PLAIN_DECIMAL = /^(?:0|[1-9]\d*)(?:\.\d+)?$/;

export type Rule =
  | 'reply keys'
  | 'error form'
  | 'difficulty'
  | 'difficulty then job'
  | 'job words'
  | 'job id'
  | 'extranonce';

/** What one connection has said so far, as far as later lines depend on it. */
export class Testimony {
  readonly #witness: Witness;
  readonly #jobs = new Map<string, string>();
  /** A difficulty that no job has followed yet. */
  #bareDifficulty: string | undefined;

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  heard({ text, fields }: Line): void {
    if (fields === undefined) {
      this.#witness.note('reply keys', text, false);
      return;
    }
    switch (fields.method) {
      case undefined:
        this.#reply(fields, text);
        return;
      case 'mining.set_difficulty':
        this.#witness.note('difficulty', text, isPlainPowerOfTwo(text));
        this.#witness.note('difficulty then job', text, this.#bareDifficulty === undefined);
        this.#bareDifficulty = text;
        return;
      case 'mining.set_extranonce':
      case 'set_extranonce':
        this.#witness.note('extranonce', text, /"params":\s*\["(?:[0-9a-f]{2})+"/.test(text));
        return;
      case 'mining.notify':
        this.#job(fields, text);
    }
  }

  #reply(fields: Readonly<Record<string, unknown>>, text: string): void {
    const { result, error } = fields;
    const hasKeys = 'id' in fields && 'result' in fields && 'error' in fields;
    const hasOne = (result === null) !== (error === null) && result !== false;
    this.#witness.note('reply keys', text, hasKeys && hasOne);
    if (error === null || error === undefined) return;
    this.#witness.note('error form', text, isError(error));
  }

  #job(fields: Readonly<Record<string, unknown>>, text: string): void {
    const [id] = Array.isArray(fields.params) ? (fields.params as unknown[]) : [];
    const before = typeof id === 'string' ? this.#jobs.get(id) : undefined;
    this.#witness.note(
      'job id',
      text,
      typeof id === 'string' && JOB_ID.test(id) && (before ?? text) === text,
    );
    if (this.#bareDifficulty !== undefined) {
      this.#witness.note('difficulty then job', `${this.#bareDifficulty} then ${text}`, before === undefined);
      this.#bareDifficulty = undefined;
    }
    if (typeof id === 'string') this.#jobs.set(id, text);
    this.#witness.note('job words', text, hasNoZeroWord(text));
  }
}

export class Witness {
  readonly #heard = new Map<Rule, number>();
  readonly #offences = new Map<Rule, string[]>();

  open(): Testimony {
    return new Testimony(this);
  }

  note(rule: Rule, text: string, kept: boolean): void {
    this.#heard.set(rule, (this.#heard.get(rule) ?? 0) + 1);
    if (kept) return;
    const offences = this.#offences.get(rule) ?? [];
    if (offences.length < OFFENCES_KEPT) offences.push(text);
    this.#offences.set(rule, offences);
  }

  /** Throws unless every line kept the rule; returns what a report says of it. */
  judge(rule: Rule, expected: string): string {
    const heard = this.#heard.get(rule) ?? 0;
    if (heard === 0) throw new NotApplicable('no such line was heard in the whole run');
    const offences = this.#offences.get(rule);
    demand(offences === undefined, expected, () => offences!.map(shown).join(' and '));
    return `${heard} lines`;
  }
}

function isError(error: unknown): boolean {
  if (!Array.isArray(error) || error.length !== 3) return false;
  const [code, text, rest] = error as unknown[];
  return (
    Number.isInteger(code) &&
    (code as number) >= 20 &&
    (code as number) <= 25 &&
    typeof text === 'string' &&
    rest === null
  );
}

function isPlainPowerOfTwo(text: string): boolean {
  const digits = DIFFICULTY.exec(text)?.[1] ?? '';
  const value = Number(digits);
  if (!PLAIN_DECIMAL.test(digits) || !(value > 0) || !Number.isInteger(Math.log2(value))) return false;
  return value < 1 || !digits.includes('.');
}

function hasNoZeroWord(text: string): boolean {
  try {
    return !/^(?:.{16})*?0{16}/.test(readJob(text).work);
  } catch {
    return false;
  }
}
