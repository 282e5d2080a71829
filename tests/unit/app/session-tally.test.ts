import { describe, expect, it } from 'vitest';
import { SessionTally } from '../../../src/app/session-tally.ts';
import { DIALECTS } from '../../../src/stratum/protocol/dialects.ts';
import type { SessionView } from '../../../src/stratum/stratum-server.ts';

const NOW_MS = 100_000;

function session(userAgent: string, more: Partial<SessionView> = {}): SessionView {
  return {
    userAgent,
    dialect: DIALECTS.default,
    remoteAddress: '192.0.2.9',
    address: 'kaspa:q',
    worker: 'rig',
    unreadSinceMs: Number.NaN,
    adapter: { backlogBytes: 0 },
    ...more,
  } as SessionView;
}

describe('the tally of sessions', () => {
  it('counts connections by agent and dialect, most first', () => {
    const tally = new SessionTally();
    for (const agent of ['lolMiner', 'Rigel', 'lolMiner']) tally.visit(session(agent), NOW_MS);
    tally.visit(session('lolMiner', { dialect: DIALECTS['asic-hex'] }), NOW_MS);
    expect(tally.agents()).toEqual([
      { agent: 'lolMiner', dialect: 'default', connections: 2 },
      { agent: 'Rigel', dialect: 'default', connections: 1 },
      { agent: 'lolMiner', dialect: 'asic-hex', connections: 1 },
    ]);
  });

  it('shows fifty agents and one line of others, whoever calls himself what', () => {
    const tally = new SessionTally();
    for (let n = 0; n < 5_000; n++) tally.visit(session(`odd/${n}`), NOW_MS);
    const rows = tally.agents();
    expect(rows).toHaveLength(51);
    expect(rows.at(-1)).toEqual({ agent: 'other', dialect: '', connections: 4_950 });
  });

  it('makes one short line of an agent that is none', () => {
    const tally = new SessionTally();
    tally.visit(session(`\u001b[2J\r\n${'x'.repeat(500)}`), NOW_MS);
    const [row] = tally.agents();
    expect(row!.agent).toMatch(/^\.\[2J\.\.x+$/);
    expect(row!.agent.length).toBe(64);
  });

  it('keeps the slowest readers, most unsent first, and nobody who is behind for a moment', () => {
    const tally = new SessionTally();
    const behind = (backlogBytes: number, seconds: number) =>
      session('a', { adapter: { backlogBytes }, unreadSinceMs: NOW_MS - seconds * 1_000 });
    tally.visit(behind(9_999_999, 1), NOW_MS);
    for (let n = 1; n <= 60; n++) tally.visit(behind(((n * 37) % 61) + 1, 10), NOW_MS);
    const slow = tally.slowReaders();
    expect(slow).toHaveLength(20);
    expect(slow[0]).toEqual({
      remoteAddress: '192.0.2.9',
      address: 'kaspa:q',
      worker: 'rig',
      unsentBytes: 61,
      seconds: 10,
    });
    expect(slow.map(({ unsentBytes }) => unsentBytes)).toEqual(Array.from({ length: 20 }, (_, n) => 61 - n));
  });
});
