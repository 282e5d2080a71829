import { describe, expect, it } from 'vitest';
import { banner, firsts, plainLine, screen } from '../../../src/app/demo-screen.ts';
import type { MoneyTotals } from '../../../src/ledger/money-totals.ts';
import { SAMPLE } from '../api/sample-snapshot.ts';

const TOTALS: MoneyTotals = {
  rewards: 12,
  rewardsSompi: 2_342_999_999n,
  settledSompi: 2_000_000_000n,
  unsettledSompi: 342_999_999n,
  owedSompi: 500_000_000n,
  inFlightSompi: 0n,
  paidSompi: 1_480_000_000n,
  poolFeeSompi: 20_000_000n,
  donationSompi: 0n,
  payoutFeesSompi: 30_000n,
  dustSompi: 1n,
  payoutsByState: { CONFIRMED: 2, BROADCAST: 1 },
  lastPayout: { id: '3', state: 'BROADCAST', payees: 2, paidSompi: 480_000_000n, txid: 'ab'.repeat(32) },
  halts: [],
  auditViolations: 0,
};

describe("the demo's screen", () => {
  it('begins with where everything is, and with a miner to copy', () => {
    const text = banner({
      ...{
        stratumUrl: 'stratum+tcp://127.0.0.1:5555',
        address: 'kaspadev:q1',
        pageUrl: 'http://127.0.0.1:8080/',
      },
      ...{ testMiner: 'npx sluice miner --port 5555 --addresses kaspadev:q1', database: 'd', node: 'n' },
      ...{ operator: 'o', config: 'c.yaml', logs: 'l', journal: 'j' },
    });
    for (const line of [
      'user kaspadev:q1.myrig   password x',
      'http://127.0.0.1:8080/miners/kaspadev:q1',
      'http://127.0.0.1:8080/api/docs',
      'http://127.0.0.1:8080/metrics',
      '    npx sluice miner --port 5555 --addresses kaspadev:q1\n',
    ])
      expect(text).toContain(line);
  });

  it('shows what came in, whose it is and what went out, never more than there is', () => {
    const text = screen(SAMPLE, TOTALS, 42);
    expect(text).toContain('rewards 12 matured 23.42 KAS owed 5.00 in flight 0.00 paid 14.80');
    expect(text).toContain('2 confirmed; last: no. 3, BROADCAST, 4.80 KAS to 2 miners, abababababababab...');
    expect(plainLine(SAMPLE, TOTALS, 42)).toContain('paid 14.80');
  });

  it('says loudly that payouts are halted', () => {
    const halted = { ...TOTALS, halts: ['audit'] };
    expect(screen(SAMPLE, halted, 42)).toContain('halted: audit');
    expect(plainLine(SAMPLE, halted, 42)).toContain('PAYOUTS HALTED: audit');
  });

  it('goes on without the books while they cannot be read', () => {
    expect(screen(SAMPLE, undefined, 1)).toContain('unknown');
    expect(firsts(SAMPLE, undefined)).toEqual(['first share accepted']);
  });

  it('knows the moments worth a line of their own', () => {
    expect(firsts(SAMPLE, TOTALS)).toEqual([
      'first share accepted',
      'first reward matured',
      'first reward divided among its miners',
      'first payout confirmed',
    ]);
    expect(firsts(SAMPLE, { ...TOTALS, payoutsByState: { BROADCAST: 1 } })).not.toContain(
      'first payout confirmed',
    );
  });
});
