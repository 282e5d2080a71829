/**
 * Who is connected, in a few rows: connections by agent and dialect, and who does not read. In flow sessions, one by one, in however many
 * slices; out flow rows of bounded number and length, whatever strangers call themselves. Pure.
 */
import type { EngineInside } from '../live/engine-report.ts';
import type { SessionView } from '../stratum/stratum-server.ts';

/** A screen of each. */
const AGENTS_SHOWN = 50;
const SLOW_READERS_SHOWN = 20;
/** Different agents that one pass counts apart; a farm of one stranger could bring as many as it has connections. */
const AGENTS_COUNTED = 1_000;
/** A reader on a thin link is as far behind as this for a moment, now and then. */
const SLOW_AFTER_MS = 2_000;
const TEXT_LENGTH_MAX = 64;
const MS_PER_SECOND = 1_000;
const OTHER = 'other';

type Agents = EngineInside['agents'];
type SlowReaders = EngineInside['slowReaders'];

interface AgentCount {
  readonly agent: string;
  readonly dialect: string;
  connections: number;
}

export class SessionTally {
  /** By dialect and agent: most sessions find theirs without a new string. */
  readonly #byDialect = new Map<string, Map<string, AgentCount>>();
  #agents = 0;
  #others = 0;
  #slow: SlowReaders[number][] = [];

  visit(session: SessionView, nowMs: number): void {
    this.#countAgent(session.userAgent, session.dialect.name);
    if (nowMs - session.unreadSinceMs > SLOW_AFTER_MS) this.#keepSlow(session, nowMs);
  }

  agents(): Agents {
    const all = [...this.#byDialect.values()].flatMap((agents) => [...agents.values()]);
    all.sort((one, other) => other.connections - one.connections);
    const shown = all.slice(0, AGENTS_SHOWN).map((row) => ({ ...row, agent: printable(row.agent) }));
    const connections = all.slice(AGENTS_SHOWN).reduce((sum, row) => sum + row.connections, this.#others);
    return connections === 0 ? shown : [...shown, { agent: OTHER, dialect: '', connections }];
  }

  /** Most behind first. */
  slowReaders(): SlowReaders {
    return this.#slow;
  }

  #countAgent(agent: string, dialect: string): void {
    let agents = this.#byDialect.get(dialect);
    if (agents === undefined) this.#byDialect.set(dialect, (agents = new Map()));
    const row = agents.get(agent);
    if (row !== undefined) row.connections++;
    else if (this.#agents < AGENTS_COUNTED) {
      agents.set(agent, { agent, dialect, connections: 1 });
      this.#agents++;
    } else this.#others++;
  }

  #keepSlow({ remoteAddress, address, worker, adapter, unreadSinceMs }: SessionView, nowMs: number): void {
    const unsentBytes = adapter?.backlogBytes ?? 0;
    const last = this.#slow.at(-1);
    if (unsentBytes === 0) return;
    if (this.#slow.length === SLOW_READERS_SHOWN && unsentBytes <= last!.unsentBytes) return;
    if (this.#slow.length === SLOW_READERS_SHOWN) this.#slow.pop();
    this.#slow.push({
      remoteAddress,
      address,
      worker: printable(worker),
      unsentBytes,
      seconds: Math.round((nowMs - unreadSinceMs) / MS_PER_SECOND),
    });
    this.#slow.sort((one, other) => other.unsentBytes - one.unsentBytes);
  }
}

/** One line, whatever it was. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must go.
  return text.slice(0, TEXT_LENGTH_MAX).replace(/[\u0000-\u001f\u007f-\u009f]/g, '.');
}
