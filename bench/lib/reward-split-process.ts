/**
 * One division of a reward in a process that does nothing else, then a whole settlement: what its memory peaks at is what they cost a
 * payer, without what the bench keeps to compare. In: argv of database url, start and end of the window (unix ms), the reward (sompi). Out: one message.
 */
import { POTS } from '../../src/domain/pot.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { Lead } from '../../src/ledger/lead.ts';
import { prepareForSums, workInWindow } from '../../src/ledger/reward-window.ts';
import { pplns } from '../../src/ledger/schemes/pplns.ts';
import { readTerms } from '../../src/ledger/schemes/terms.ts';
import { spansWithin } from '../../src/ledger/settlement/account-spans.ts';
import { Settler } from '../../src/ledger/settlement/settler.ts';

export interface RewardSplitPeak {
  readonly parts: number;
  readonly settled: number;
  /** High-water marks of the whole process, Node itself included: after the division, and after a settlement was booked. */
  readonly splitMib: number;
  readonly settlementMib: number;
}

const KIB_PER_MIB = 1024;
const [url, fromText, toText, rewardText, termsText] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const window = { fromMs: Number(fromText), toMs: Number(toText) };
const lead = await Lead.take(url, 'bench split');
const accounts = await lead.transaction(async (sql) => {
  await prepareForSums(sql);
  return workInWindow(sql, POTS.pplns, window, await spansWithin(sql, window));
});
const { parts } = pplns.divide({
  outputs: [{ amountSompi: BigInt(rewardText), finderAccountId: 1n }],
  dustInSompi: 0n,
  window,
  terms: readTerms(JSON.parse(termsText)),
  accounts,
});
const splitMib = process.resourceUsage().maxRSS / KIB_PER_MIB;
const settler = new Settler({ lead, clock: () => window.toMs, log: silentLogger, waitForJournalsMs: 0 });
const { settled } = await settler.tick();
process.send!({
  parts: parts.length,
  settled: settled.length,
  splitMib,
  settlementMib: process.resourceUsage().maxRSS / KIB_PER_MIB,
} satisfies RewardSplitPeak);
lead.close();
process.disconnect();
