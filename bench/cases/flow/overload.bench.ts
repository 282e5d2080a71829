/**
 * More miners than the core can send jobs to. Shares must still be answered, and what cannot be sent in time must not be sent at all:
 * the age of the oldest job is the finding.
 */
import { defineCase } from '../../lib/bench-case.ts';
import { mixedParameters, playMixed } from '../../lib/mixed-case.ts';

export default defineCase({
  kind: 'flow',
  title: 'more fan-out than a core carries: shares still answered, no old job sent, against the naive server',
  parameters: mixedParameters(15000, 1000),
  run: playMixed,
});
