/**
 * A judge beside one connection: is this line, at this place, one that the family of miners is known to take without harm? It
 * knows what was asked, so it knows what may come. Pure: text in, undefined or a fault out.
 *
 *   login     replies only, in the order of the requests, each to the letter
 *   welcome   extranonce (unless the subscribe reply had it), difficulty, job; answers of the login may still come between
 *   mining    answers to what is outstanding; jobs; a difficulty, with its job behind it
 */
import type { ClientProfile, MinerClient } from './client-profiles.ts';

export interface StrictFault {
  readonly client: MinerClient;
  readonly expected: string;
  /** The bytes, as a JSON string would show them. */
  readonly seen: string;
}

/** Longer lines are cut in a report. */
const SEEN_LENGTH_MAX = 400;
const ID_MAX = 0xffff_ffff;
/** Ids that must not come again with other work: more jobs than any server keeps. */
const JOB_IDS_REMEMBERED = 512;

const PLAIN_LINE = /^[\x20-\x7e]+$/;
const DIFFICULTY = /"params":\s*\[\s*([^\],\s]+)\s*\]/;
const PLAIN_DECIMAL = /^(?:0|[1-9]\d*)(?:\.\d+)?$/;
const ARRAY_JOB = /"params":\s*\["([^"]*)",\s*\[(\d+),\s*(\d+),\s*(\d+),\s*(\d+)\],\s*(\d+)\]/;
const BIG_JOB = /^[0-9a-f]{80}$/;
/** At least six bytes stay free: fewer, and a fast machine runs dry within a job. */
const EXTRANONCE = /^(?:[0-9a-f]{2}){1,2}$/;
/** Printable, without a quote or backslash that would need escaping. */
const JOB_ID = /^[\x21\x23-\x5b\x5d-\x7e]{1,31}$/;
const WORD_END = 1n << 64n;

type Fields = Readonly<Record<string, unknown>>;
type Expectation = 'extranonce' | 'difficulty' | 'job';

export class StrictWatch {
  readonly #profile: ClientProfile;
  /** In the order in which they were sent. */
  readonly #asked = new Map<number, string>();
  readonly #jobs = new Map<string, string>();
  readonly #allowFractions: boolean;
  #authorized = false;
  #extranonceHex = '';
  #jobId = '';
  /** What must come next among the pushes; empty = any job, or a difficulty. */
  #expectations: Expectation[] = [];

  /** @param allowFractions a port for CPUs: a real ASIC takes no difficulty below 1, but nobody else finds shares above it */
  constructor(profile: ClientProfile, allowFractions: boolean) {
    this.#profile = profile;
    this.#allowFractions = allowFractions;
  }

  /** The welcome is not complete: no job has come yet. */
  get awaitsJob(): boolean {
    return this.#authorized && this.#jobId === '';
  }

  asked(id: number, method: string): void {
    this.#asked.set(id, method);
  }

  /** Returns what is wrong with the line, or undefined. */
  read(line: string): StrictFault | undefined {
    const expected = this.#judge(line);
    return expected === undefined ? undefined : this.fault(expected, line);
  }

  fault(expected: string, seen: string): StrictFault {
    return { client: this.#profile.client, expected, seen: JSON.stringify(seen.slice(0, SEEN_LENGTH_MAX)) };
  }

  #judge(line: string): string | undefined {
    if (!PLAIN_LINE.test(line)) return 'one line of printable ASCII';
    let fields: unknown;
    try {
      fields = JSON.parse(line);
    } catch {
      return 'a line of JSON';
    }
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return 'a JSON object';
    return 'method' in fields ? this.#push(fields as Fields, line) : this.#reply(fields as Fields, line);
  }

  // --- replies

  #reply(fields: Fields, line: string): string | undefined {
    if (!hasOnly(fields, ['id', 'result', 'error', 'jsonrpc'])) return 'no keys but id, result and error';
    if (!('result' in fields && 'error' in fields)) return 'both keys, result and error';
    const { id, result, error } = fields;
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > ID_MAX)
      return 'an id of 32 bits, unsigned';
    if (!/"id":\s*\d+\s*[,}]/.test(line)) return 'an id in plain digits';
    const method = this.#asked.get(id);
    if (method === undefined) return 'the id of a request that waits for its reply';
    const [oldest] = this.#asked.keys();
    if (!this.#authorized && id !== oldest) return `the reply to ${oldest}, which was asked first`;
    this.#asked.delete(id);
    if (error !== null) return result === null ? errorFault(error) : 'result null beside an error';
    if (method === 'mining.subscribe') return this.#subscribed(result);
    if (result !== true) return 'a result that is literally true, or an error';
    if (method === 'mining.authorize') {
      this.#authorized = true;
      this.#expectations =
        this.#extranonceHex === '' ? ['extranonce', 'difficulty', 'job'] : ['difficulty', 'job'];
    }
    return undefined;
  }

  #subscribed(result: unknown): string | undefined {
    const text = JSON.stringify(result);
    if (this.#profile.extranonceFrom !== 'subscribe-reply') {
      return text === '[true,"EthereumStratum/1.0.0"]' ? undefined : '[true,"EthereumStratum/1.0.0"]';
    }
    const [nothing, extranonce, freeBytes] = Array.isArray(result) ? (result as unknown[]) : [];
    const isExtranonce = typeof extranonce === 'string' && EXTRANONCE.test(extranonce);
    if (nothing !== null || !isExtranonce || freeBytes !== 8 - extranonce.length / 2)
      return '[null,"EXTRANONCE",FREE BYTES]';
    this.#extranonceHex = extranonce;
    return undefined;
  }

  // --- pushes

  #push(fields: Fields, line: string): string | undefined {
    if (!hasOnly(fields, ['id', 'jsonrpc', 'method', 'params'])) return 'a push with method and params alone';
    const { id, method, params } = fields;
    if (!this.#authorized) return 'nothing but replies before authorize is answered';
    if (id !== undefined && id !== null && !(typeof id === 'number' && Number.isInteger(id) && id >= 0))
      return 'a push without an id, or with null or an integer';
    if (typeof id === 'number' && (id > ID_MAX || this.#asked.has(id)))
      return 'a push whose id is that of no request';
    if (!Array.isArray(params)) return 'params as an array';
    switch (method) {
      case 'mining.notify':
        return this.#turn('job') ?? this.#job(params, line);
      case 'mining.set_difficulty':
        return this.#turn('difficulty') ?? this.#difficulty(params, line);
      case 'mining.set_extranonce':
      case 'set_extranonce':
        return this.#extranonce(`${method}/${params.length}`, params);
      default:
        return 'no push but set_extranonce, set_difficulty and notify';
    }
  }

  /** Is it the turn of such a push? */
  #turn(kind: Expectation): string | undefined {
    const next = this.#expectations.shift();
    if (next === undefined) {
      if (kind === 'difficulty') this.#expectations = ['job'];
      return undefined;
    }
    return next === kind ? undefined : `${next} before ${kind}`;
  }

  #extranonce(form: string, params: readonly unknown[]): string | undefined {
    const { extranoncePushes } = this.#profile;
    const [extranonce, freeBytes] = params;
    if (!extranoncePushes.includes(form)) return `the extranonce as ${extranoncePushes.join(' or ')}`;
    if (typeof extranonce !== 'string' || !EXTRANONCE.test(extranonce))
      return 'an extranonce of 2 or 4 lower-case hex digits';
    if (params.length === 2 && freeBytes !== 8 - extranonce.length / 2)
      return `${8 - extranonce.length / 2} free bytes beside the extranonce`;
    // Bitmain is told again what it knows already by servers that push to everybody.
    if (this.#extranonceHex === extranonce) return undefined;
    if (this.#extranonceHex !== '') return 'one extranonce for the whole session';
    this.#extranonceHex = extranonce;
    return this.#turn('extranonce');
  }

  #difficulty(params: readonly unknown[], line: string): string | undefined {
    const digits = DIFFICULTY.exec(line)?.[1] ?? '';
    if (params.length !== 1 || !PLAIN_DECIMAL.test(digits)) return 'one difficulty in plain digits';
    const value = Number(digits);
    if (!(value > 0) || !Number.isInteger(Math.log2(value))) return 'a difficulty that is a power of two';
    if (value >= 1 && digits.includes('.')) return 'a whole difficulty without a point';
    if (value < 1 && !this.#allowFractions) return 'a whole difficulty';
    return undefined;
  }

  #job(params: readonly unknown[], line: string): string | undefined {
    const [id] = params;
    if (typeof id !== 'string' || !JOB_ID.test(id)) return 'a job id that is a short printable string';
    const fault = this.#profile.jobForm === 'hex' ? bigJobFault(params) : arrayJobFault(params, line);
    if (fault !== undefined) return fault;
    const work = JSON.stringify(line.slice(line.indexOf('"params"')));
    const before = this.#jobs.get(id);
    if (before !== undefined && before !== work) return 'a job id that was not given to other work';
    if (before !== undefined && id !== this.#jobId) return 'no job that was followed by another one already';
    if (this.#jobs.size >= JOB_IDS_REMEMBERED) this.#jobs.delete(this.#jobs.keys().next().value!);
    this.#jobs.set(id, work);
    this.#jobId = id;
    return undefined;
  }
}

function hasOnly(fields: Fields, keys: readonly string[]): boolean {
  if ('jsonrpc' in fields && fields.jsonrpc !== '2.0') return false;
  return Object.keys(fields).every((key) => keys.includes(key));
}

function errorFault(error: unknown): string | undefined {
  if (!Array.isArray(error) || error.length !== 3) return 'an error of three elements';
  const [code, text, rest] = error as unknown[];
  if (!Number.isInteger(code) || (code as number) < 20 || (code as number) > 25)
    return 'an error code from 20 to 25';
  return typeof text === 'string' && rest === null ? undefined : 'an error as [code, text, null]';
}

function bigJobFault(params: readonly unknown[]): string | undefined {
  const [, work] = params;
  if (params.length !== 2 || typeof work !== 'string' || !BIG_JOB.test(work))
    return 'a job of [id, 80 lower-case hex digits]';
  return /^0{64}|0{16}$/.test(work) ? 'a job whose hash and timestamp are not zero' : undefined;
}

/** From the text: JSON.parse rounds what is beyond 2^53. */
function arrayJobFault(params: readonly unknown[], line: string): string | undefined {
  const parts = ARRAY_JOB.exec(line);
  if (params.length !== 3 || parts === null) return 'a job of [id, [four integers], timestamp]';
  const [, , ...words] = parts;
  for (const digits of words) {
    const word = BigInt(digits);
    // GodMiner refuses a zero among them.
    if (word === 0n || word >= WORD_END) return 'integers above 0 and below 2^64';
    if (digits.startsWith('0')) return 'integers without a leading zero';
  }
  return undefined;
}
