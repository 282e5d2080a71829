/**
 * What a change of each key takes: the one table that a reload obeys, and that docs/CONFIGURATION.md and `sluice config diff` print.
 * A key that stands nowhere here holds from the next start on.
 */

/**
 * `applied`  at once, by SIGHUP or the console's reload
 * `payer`    the payer's: at its own SIGHUP
 * `restart`  at the next start
 */
export type ReloadEffect = 'applied' | 'payer' | 'restart';

export interface ReloadRule {
  readonly effect: ReloadEffect;
  /** For people, behind the effect. */
  readonly remark: string;
}

/** Keys by path; `*` is a place in a list; a rule holds for all that is below it, the longest one counts. */
const RULES: Readonly<Record<string, ReloadRule>> = {
  'log.level': { effect: 'applied', remark: 'at once' },
  'stratum.publicHost': { effect: 'applied', remark: 'at once' },
  'stratum.ports.*.limits': {
    effect: 'applied',
    remark: 'for connections from now on; time-outs and conduct for those that are open, too',
  },
  'stratum.ports.*.tls': {
    effect: 'restart',
    remark: 'other paths at the next start; renewed files at the same paths are taken by themselves',
  },
  'stratum.banFile': {
    effect: 'restart',
    remark: 'another path at the next start; what the file says is taken by itself',
  },
  rewards: { effect: 'payer', remark: "at the payer's SIGHUP, for blocks found from then on" },
  'rewards.maturityDaa': { effect: 'restart', remark: 'at the next start of engine and payer' },
  payouts: { effect: 'restart', remark: "at the payer's next start" },
};
const OTHERS: ReloadRule = { effect: 'restart', remark: 'at the next start' };

/** @param key path of a value, e.g. `stratum.ports.0.limits.idleSeconds` */
export function reloadRuleOf(key: string): ReloadRule {
  const parts = key.split('.').map((part) => (/^\d+$/.test(part) ? '*' : part));
  for (let length = parts.length; length > 0; length--) {
    const rule = RULES[parts.slice(0, length).join('.')];
    if (rule !== undefined) return rule;
  }
  return OTHERS;
}
