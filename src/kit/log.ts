/**
 * Logging: pino, one JSON line per event, never one per share. Secrets never reach it: the redaction list is a net under
 * the rule, not the rule. What matters most is also kept for the operator's screen, in a ring.
 */
import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

export type { Logger } from 'pino';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

const SECRETS = ['url', 'password', 'key'] as const;

/** @param to for tests; stdout without */
export function createLogger(level: LogLevel, name: string, to?: DestinationStream): Logger {
  const kept = new WarningRing();
  const options: LoggerOptions = {
    name,
    level,
    base: { pid: process.pid },
    redact: { paths: SECRETS.flatMap((secret) => [secret, `*.${secret}`]), censor: '[secret]' },
    hooks: {
      logMethod(args, method, line) {
        if (line >= WARN) kept.add(line, args);
        method.apply(this, args);
      },
    },
  };
  const log = to === undefined ? pino(options) : pino(options, to);
  rings.set(log, kept);
  return log;
}

export interface Warning {
  readonly atUnixMs: number;
  readonly level: 'warn' | 'error' | 'fatal';
  /** The message and its plain fields, in one line of bounded length. What it is about may be a stranger's words. */
  readonly text: string;
}

/** The last lines of `warn` and above, the newest last; empty for a log that `createLogger` did not make. */
export function recentWarnings(log: Logger): readonly Warning[] {
  return rings.get(log)?.lines ?? [];
}

const WARN = 40;
const ERROR = 50;
const FATAL = 60;
/** A screen of them. */
const LINES_KEPT = 20;
const LINE_LENGTH_MAX = 300;
const rings = new WeakMap<Logger, WarningRing>();

class WarningRing {
  readonly lines: Warning[] = [];

  add(level: number, args: readonly unknown[]): void {
    if (this.lines.length === LINES_KEPT) this.lines.shift();
    const name = level >= FATAL ? 'fatal' : level >= ERROR ? 'error' : 'warn';
    this.lines.push({ atUnixMs: Date.now(), level: name, text: lineOf(args).slice(0, LINE_LENGTH_MAX) });
  }
}

function lineOf([first, second]: readonly unknown[]): string {
  if (typeof first === 'string') return first;
  const fields = first instanceof Error ? { err: first } : (first as object | null);
  const told = Object.entries(fields ?? {}).flatMap(([name, value]) => {
    if ((SECRETS as readonly string[]).includes(name)) return [];
    if (value instanceof Error) return [`${name}=${value.message}`];
    return typeof value === 'object' || value === undefined ? [] : [`${name}=${String(value)}`];
  });
  return [typeof second === 'string' ? second : '', ...told].join(' ').trim();
}

/** For tests and tools that must not print. */
export const silentLogger: Logger = pino({ level: 'silent' });

/**
 * At most one line per `intervalMs` and key; the next line says how many were swallowed. For faults that an outsider can
 * repeat at will.
 */
export class ThrottledLog {
  readonly #intervalMs: number;
  readonly #last = new Map<string, { atMs: number; swallowed: number }>();

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Calls `write` with the number of swallowed events, or not at all. Keys are the caller's constants, so the map is bounded. */
  once(key: string, nowMs: number, write: (swallowed: number) => void): void {
    const entry = this.#last.get(key);
    if (entry && nowMs - entry.atMs < this.#intervalMs) {
      entry.swallowed++;
      return;
    }
    this.#last.set(key, { atMs: nowMs, swallowed: 0 });
    write(entry?.swallowed ?? 0);
  }
}
