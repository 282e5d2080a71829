/**
 * The whole of a large Kaspa pool on one core: every miner is sent every job while shares come by the clock. What a share waits for is
 * the slice of the fan-out that is under way.
 */
import { defineCase } from '../../lib/bench-case.ts';
import { mixedParameters, playMixed } from '../../lib/mixed-case.ts';

export default defineCase({
  kind: 'flow',
  title: 'fan-out and shares together on one core: what a share waits, against the naive server',
  parameters: mixedParameters(10000, 2000),
  run: playMixed,
});
