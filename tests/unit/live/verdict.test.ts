import { describe, expect, it } from 'vitest';
import type { EngineReport } from '../../../src/live/engine-report.ts';
import { type BooksGlance, REASONS, verdictOf } from '../../../src/live/verdict.ts';
import { SAMPLE_REPORT } from './sample-report.ts';

const SOUND: BooksGlance = {
  fault: '',
  halts: [],
  payerKnown: true,
  payerLeads: true,
  payerToldSecondsAgo: 2,
  payerFaults: [],
  violations: 0,
};
const { snapshot, inside } = SAMPLE_REPORT;
const withSnapshot = (change: Partial<EngineReport['snapshot']>): EngineReport => ({
  ...SAMPLE_REPORT,
  snapshot: { ...snapshot, ...change },
});
const withInside = (change: Partial<EngineReport['inside']>): EngineReport => ({
  ...SAMPLE_REPORT,
  inside: { ...inside, ...change },
});
const fresh = (report: EngineReport) => ({ report, ageMs: 300 });
const node = snapshot.nodes[0]!;

describe('the verdict', () => {
  it('is OK when all is well, without books as well as with them', () => {
    expect(verdictOf([fresh(SAMPLE_REPORT)], SOUND)).toEqual({ state: 'OK', reasons: [] });
    expect(verdictOf([fresh(SAMPLE_REPORT)], undefined).state).toBe('OK');
  });

  const silent = { report: SAMPLE_REPORT, ageMs: 6_000 };
  it.each([
    ['engine_silent', [silent], SOUND, 'DOWN'],
    ['engine_silent', [], SOUND, 'DOWN'],
    ['no_synced_node', [fresh(withSnapshot({ nodes: [{ ...node, synced: false }] }))], SOUND, 'DOWN'],
    [
      'no_template',
      [fresh(withInside({ templates: { ...inside.templates, stalled: true } }))],
      SOUND,
      'DOWN',
    ],
    [
      'journal_failed',
      [fresh(withSnapshot({ journal: { ...snapshot.journal, state: 'failed', fault: 'EIO' } }))],
      SOUND,
      'DOWN',
    ],
    ['node_away', [fresh(withSnapshot({ nodes: [node, { ...node, connected: false }] }))], SOUND, 'DEGRADED'],
    ['journal_full', [fresh(withInside({ journalFillRatio: 0.6 }))], SOUND, 'DEGRADED'],
    [
      'database_away',
      [fresh(withSnapshot({ database: { ...snapshot.database, fault: 'refused' } }))],
      SOUND,
      'DEGRADED',
    ],
    [
      'loader_behind',
      [fresh(withSnapshot({ database: { ...snapshot.database, lagSeconds: 31 } }))],
      SOUND,
      'DEGRADED',
    ],
    ['loop_late', [fresh(withInside({ loop: { ...inside.loop, delayP99Ms: 101 } }))], SOUND, 'DEGRADED'],
    [
      'threads_busy',
      [fresh(withInside({ threads: [{ name: 'validator 1', utilisation: 0.97 }] }))],
      SOUND,
      'DEGRADED',
    ],
    [
      'files_short',
      [fresh(withInside({ process: { ...inside.process, openFiles: 60_000 } }))],
      SOUND,
      'DEGRADED',
    ],
    ['books_unread', [fresh(SAMPLE_REPORT)], { ...SOUND, fault: 'away' }, 'DEGRADED'],
    [
      'payouts_halted',
      [fresh(SAMPLE_REPORT)],
      { ...SOUND, halts: [{ code: 'OPERATOR', reason: 'why' }] },
      'DEGRADED',
    ],
    ['payer_away', [fresh(SAMPLE_REPORT)], { ...SOUND, payerLeads: false }, 'DEGRADED'],
    ['payer_away', [fresh(SAMPLE_REPORT)], { ...SOUND, payerToldSecondsAgo: 61 }, 'DEGRADED'],
    ['payer_faults', [fresh(SAMPLE_REPORT)], { ...SOUND, payerFaults: ['audit: slow'] }, 'DEGRADED'],
    ['ledger_violated', [fresh(SAMPLE_REPORT)], { ...SOUND, violations: 2 }, 'DEGRADED'],
  ] as const)('says %s', (code, engines, books, state) => {
    const verdict = verdictOf(engines, books);
    expect(verdict.state).toBe(state);
    expect(verdict.reasons.map((reason) => reason.code)).toEqual([code]);
    expect(verdict.reasons[0]!.runbook).toBe(REASONS[code].runbook);
  });

  it('asks for no payer where there never was one', () => {
    expect(verdictOf([fresh(SAMPLE_REPORT)], { ...SOUND, payerKnown: false, payerLeads: false }).state).toBe(
      'OK',
    );
  });

  it('names the worst first', () => {
    const away = withSnapshot({
      nodes: [{ ...node, connected: false }],
      database: { ...snapshot.database, fault: 'refused' },
    });
    expect(verdictOf([fresh(away)], SOUND).reasons.map(({ makes }) => makes)).toEqual(['DOWN', 'DEGRADED']);
  });

  it('calls a pool degraded, not down, while one of its engines works', () => {
    const other = { ...SAMPLE_REPORT, instance: 'sluice-2' };
    const verdict = verdictOf([fresh(other), silent], SOUND);
    expect(verdict.state).toBe('DEGRADED');
    expect(verdict.reasons[0]!.text).toMatch(/^sluice-1: the engine has said nothing for 6 s$/);
    expect(verdictOf([silent, { ...silent, report: other }], SOUND).state).toBe('DOWN');
  });

  it('has a reason for every code, and tests one for each', () => {
    expect(Object.keys(REASONS)).toHaveLength(16);
  });
});
