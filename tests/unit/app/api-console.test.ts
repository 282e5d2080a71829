import { describe, expect, it } from 'vitest';
import { EngineMemory } from '../../../src/app/api-console.ts';
import { verdictOf } from '../../../src/live/verdict.ts';
import { SAMPLE_REPORT } from '../live/sample-report.ts';

describe('what the console of all engines remembers', () => {
  it('misses an engine that has told once, until it is forgotten', () => {
    let nowMs = 0;
    const memory = new EngineMemory(() => nowMs);
    expect(verdictOf(memory.engines(), undefined).state).toBe('DOWN');
    memory.hear({ ...SAMPLE_REPORT, instance: 'b' });
    memory.hear({ ...SAMPLE_REPORT, instance: 'a' });
    expect(verdictOf(memory.engines(), undefined).state).toBe('OK');
    nowMs = 10_000;
    memory.hear({ ...SAMPLE_REPORT, instance: 'a' });
    const { state, reasons } = verdictOf(memory.engines(), undefined);
    expect([state, reasons.map(({ text }) => text)]).toEqual([
      'DEGRADED',
      ['b: the engine has said nothing for 10 s'],
    ]);
    nowMs = 3_605_000;
    memory.hear({ ...SAMPLE_REPORT, instance: 'a' });
    expect(memory.engines().map(({ report }) => report.instance)).toEqual(['a']);
  });
});
