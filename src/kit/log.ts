/**
 * Logging: pino, one JSON line per event, never one per share. Secrets never reach it: the redaction list is a net under
 * the rule, not the rule.
 */
import { type Logger, pino } from 'pino';

export type { Logger } from 'pino';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export function createLogger(level: LogLevel, name: string): Logger {
  return pino({
    name,
    level,
    base: { pid: process.pid },
    redact: { paths: ['url', '*.url', 'password', '*.password', 'key', '*.key'], censor: '[secret]' },
  });
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
