import { describe, expect, it } from 'vitest';
import { ChainPaceMeter } from '../../../src/ledger/views/chain-pace.ts';
import { poolSummary } from '../../../src/ledger/views/pool-summary.ts';
import type { EngineReport } from '../../../src/live/engine-report.ts';
import { noEngines } from '../../../src/live/no-engines.ts';
import type { PoolSnapshot } from '../../../src/live/pool-snapshot.ts';
import { SAMPLE_TERMS } from '../../kit/sample-terms.ts';
import { SAMPLE } from '../api/sample-snapshot.ts';

const NOW = Date.UTC(2026, 10, 30, 12);
const report = (instance: string, more: Partial<PoolSnapshot> = {}): EngineReport => ({
  instance,
  pid: 1,
  snapshot: { ...SAMPLE, ...more },
  inside: { warnings: [{ at: '', level: 'warn', text: 'for the operator alone' }] } as never,
});

describe('the pool of several engines', () => {
  const away = { ...SAMPLE.nodes[0]!, connected: false, synced: false, fault: 'refused' };
  const engines = [
    report('a', { nodes: [away], ready: { ok: false, reasons: ['no synced node'] } }),
    report('b', { startedAt: '2026-11-21T07:00:00.000Z' }),
  ];
  const live = {
    ...noEngines(),
    engines: () => engines,
    counts: () => ({ connections: 9, addresses: 4, workers: 7 }),
  };
  const pool = poolSummary(live, undefined, SAMPLE_TERMS, undefined, NOW);

  it('has the sums of all, and counts who mines on both once', () => {
    expect(pool.hashrate.m1).toBe(2 * SAMPLE.hashrate.m1);
    expect(pool.shares.rejected.stale_job).toBe(2 * SAMPLE.shares.rejected.stale_job!);
    expect(pool.ports.map(({ connections }) => connections)).toEqual([2_400, 6]);
    expect([pool.miners, pool.workers]).toEqual([4, 7]);
    expect(pool.startedAt).toBe('2026-11-21T07:00:00.000Z');
    expect(pool.blocks.recent).toHaveLength(6);
  });

  it('shows a node as its best link sees it, and is ready where one engine is', () => {
    expect(pool.nodes.find(({ name }) => name === 'node-a')).toMatchObject({ connected: true, synced: true });
    expect(pool.ready).toEqual({ ok: true, reasons: ['a: no synced node'] });
  });

  it('tells nothing that is for the operator alone', () => {
    expect(JSON.stringify(pool)).not.toContain('operator');
  });

  it('says what is wrong in words of its own: faults name addresses of machines and paths of files', () => {
    const inside = 'connect ECONNREFUSED 10.0.0.5:5432, open /var/lib/sluice/journal';
    const broken = {
      nodes: [{ ...SAMPLE.nodes[0]!, connected: false, synced: false, fault: inside }],
      journal: { ...SAMPLE.journal, state: 'failed', fault: inside },
      database: { ...SAMPLE.database, state: 'database unreachable', fault: inside },
    };
    const ill = poolSummary(
      { ...live, engines: () => [report('a', broken)] },
      undefined,
      SAMPLE_TERMS,
      undefined,
      NOW,
    );
    expect(JSON.stringify(ill)).not.toMatch(/10\.0\.0\.5|ECONN|\/var/);
    expect(ill.nodes[0]!.fault).toBe('not connected');
    expect(ill.journal.fault).toBe('records cannot be written');
    expect(ill.database.fault).toBe('it does not answer; shares wait in the journal');
  });

  it('says what it does not know as unknown', () => {
    expect(pool.chain).toBeNull();
    expect(pool.schemes[0]).toMatchObject({ scheme: 'pplns', feePercent: 1, effort: null });
    expect(pool.payouts.state).toBe('stopped');
  });
});

describe('the pace of the chain', () => {
  const at = (daaScore: number) => [report('a', { nodes: [{ ...SAMPLE.nodes[0]!, daaScore }] })];

  it('is the score over half a minute, and unknown until it was looked at for some seconds', () => {
    const meter = new ChainPaceMeter();
    expect(meter.look(at(1_000), 0)).toBeUndefined();
    expect(meter.look(at(1_010), 1_000)).toBeUndefined();
    for (let second = 2; second <= 60; second++) meter.look(at(1_000 + second * 10), second * 1_000);
    expect(meter.look(at(1_610), 61_000)!.blocksPerSecond).toBeCloseTo(10, 6);
  });

  it('begins anew with a chain that does', () => {
    const meter = new ChainPaceMeter();
    for (let second = 0; second <= 10; second++) meter.look(at(1_000 + second), second * 1_000);
    expect(meter.look(at(5), 11_000)).toBeUndefined();
  });
});
