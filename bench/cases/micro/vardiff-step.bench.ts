/** What variable difficulty costs: one look at a session, as the sweep has for each of them once a second. */
import { vardiffStep } from '../../../src/domain/vardiff.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';

const SESSIONS = 1_024;
const RULES = { sharesPerMinute: 20, minLog2: 6, maxLog2: 24 };
const WINDOW_MS = 60_000;

/** As most pools do it: the times of the last shares in a list, their mean, a ratio, a float. */
function usual(times: readonly number[], current: number): number {
  const gaps = times.slice(1).map((at, index) => at - times[index]!);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const next = (current * (60_000 / RULES.sharesPerMinute)) / mean;
  return 2 ** Math.round(Math.log2(next));
}

export default defineCase({
  kind: 'micro',
  title: 'one look of variable difficulty at one session, against a mean over a list of times',
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const shares = Array.from({ length: SESSIONS }, (_, index) => index % 60);
    const times = Array.from({ length: SESSIONS }, (_, index) =>
      Array.from({ length: 20 }, (_, n) => n * (1_000 + index)),
    );
    return playRounds(
      context,
      [
        {
          name: 'engine',
          operations: SESSIONS,
          run: () => {
            let sum = 0;
            for (let i = 0; i < SESSIONS; i++) sum += vardiffStep(RULES, 14, shares[i]!, WINDOW_MS);
            return sum;
          },
        },
        {
          name: 'list',
          operations: SESSIONS,
          run: () => {
            let sum = 0;
            for (let i = 0; i < SESSIONS; i++) sum += Math.log2(usual(times[i]!, 2 ** 14));
            return sum;
          },
        },
      ],
      [{ name: 'look', above: 'list', below: 'engine' }],
    );
  },
});
