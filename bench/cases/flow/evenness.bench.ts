/**
 * The machine alone: every core works for itself, and what is counted is its pace. Where all cores stand still together for tens of
 * milliseconds, every p99 of a latency is the machine's, and no server on it can show better.
 */
import { defineCase } from '../../lib/bench-case.ts';
import { measureEvenness } from '../../lib/evenness.ts';
import { ROUNDS, TIME } from '../../lib/flow-parameters.ts';

export default defineCase({
  kind: 'flow',
  title: 'whether the cores of this machine run evenly while nothing else does',
  parameters: {
    window: { unit: 'ms', text: 'over which pace is counted', real: 10, smoke: 10, min: 1, max: 1_000 },
    rounds: ROUNDS,
    time: TIME,
  },
  async run({ values, progress }) {
    const slow: number[] = [];
    const longest: number[] = [];
    for (let round = 1; round <= values.rounds; round++) {
      const { slowPart, longestSlowMs } = await measureEvenness(values.time, values.window);
      slow.push(slowPart * 100);
      longest.push(longestSlowMs);
      progress(round, values.rounds, `${(slowPart * 100).toFixed(1)} % of the time below half the pace`);
    }
    return {
      measures: [
        { name: 'cores.slow_percent', unit: '%', better: 'lower', values: slow },
        { name: 'cores.longest_slow_together_ms', unit: 'ms', better: 'lower', values: longest },
      ],
      distributions: [],
      checksum: `windows ${values.rounds * Math.round((values.time * 1_000) / values.window)}`,
      invalid: [],
      notes: ['A loaded machine shows the same as a neighbour does: see the load in the header.'],
    };
  },
});
