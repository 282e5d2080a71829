/** SOLO: a block belongs to who found it, less the fee. The window only gives the hashrate by which fee tiers are chosen. Pure. */
import { divideByFinder } from './divide.ts';
import { MS_PER_MINUTE, minuteUnit, type Scheme } from './scheme.ts';

export const solo: Scheme = {
  name: 'solo',
  readsWork: true,
  waitsForEarlierBlocks: false,
  unitOf: minuteUnit,
  reachMs: ({ windowMinutes }) => windowMinutes * MS_PER_MINUTE,
  windowOf: ({ unit, terms }) => ({
    fromMs: unit.toMs - terms.windowMinutes * MS_PER_MINUTE,
    toMs: unit.toMs,
  }),
  divide: (division) => {
    // Others who work in the pot have no part in this block.
    const finders = new Set(division.outputs.map(({ finderAccountId }) => finderAccountId));
    const accounts = division.accounts.filter(({ accountId }) => finders.has(accountId));
    return divideByFinder({ ...division, accounts });
  },
};
