/**
 * All that is counted for one accepted share on the main thread, together: its line, its verdict, its credit, the pool's hashrate, its
 * latency and its answer. Against the same in prom-client's own counters and histogram.
 */
import { Counter, Histogram as PromHistogram, Registry } from 'prom-client';
import { HashrateWindow } from '../../../src/domain/hashrate.ts';
import { VERDICTS, Verdict } from '../../../src/domain/share.ts';
import { difficultyNumber } from '../../../src/domain/target.ts';
import { createRegistry, LATENCY_BOUNDS_S } from '../../../src/kit/metrics.ts';
import { StratumMetrics } from '../../../src/stratum/stratum-metrics.ts';
import { ValidationMetrics } from '../../../src/validation/validation-metrics.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds } from '../../lib/micro-rounds.ts';

const SHARES = 1_024;
const WINDOW_S = 3_600;
const DIFFICULTY_LOG2 = 12;
const LINE_BYTES = 150;
const ANSWER_BYTES = 40;
const AT_UNIX_MS = 1_800_000_000_000;

function engineSubject() {
  const registry = createRegistry();
  const validation = new ValidationMetrics(registry);
  const stratum = new StratumMetrics(registry, {
    connectionsByPort: () => [],
    authorizedByPort: () => [],
    extranoncesFree: () => 0,
    lingering: () => 0,
    addressesKnown: () => 0,
  });
  const hashrate = new HashrateWindow(WINDOW_S, AT_UNIX_MS);
  let unixMs = AT_UNIX_MS;
  return {
    name: 'engine',
    operations: SHARES,
    run: () => {
      unixMs += 1;
      for (let i = 0; i < SHARES; i++) {
        stratum.bytesReceived.inc(LINE_BYTES);
        stratum.submitLines.inc(0);
        validation.verdicts.inc(Verdict.Share);
        validation.creditedDifficulty.inc(difficultyNumber(DIFFICULTY_LOG2));
        hashrate.add(difficultyNumber(DIFFICULTY_LOG2), unixMs);
        validation.submitToAnswer.observe((i % 64) / 16_000);
        stratum.verdictSent(Verdict.Share);
        stratum.bytesSent.inc(ANSWER_BYTES);
      }
      return SHARES;
    },
    agrees: 'shares',
  };
}

function promSubject() {
  const registers = [new Registry()];
  const received = new Counter({ name: 'received', help: 'bench', registers });
  const sent = new Counter({ name: 'sent', help: 'bench', registers });
  const lines = new Counter({ name: 'lines', help: 'bench', labelNames: ['path'], registers });
  const verdicts = new Counter({ name: 'verdicts', help: 'bench', labelNames: ['verdict'], registers });
  const credited = new Counter({ name: 'credited', help: 'bench', registers });
  const latency = new PromHistogram({
    ...{ name: 'latency', help: 'bench', buckets: [...LATENCY_BOUNDS_S], registers },
  });
  const { metricLabel } = VERDICTS[Verdict.Share]!;
  return {
    name: 'prom_client',
    operations: SHARES,
    run: () => {
      for (let i = 0; i < SHARES; i++) {
        received.inc(LINE_BYTES);
        lines.inc({ path: 'scanner' });
        verdicts.inc({ verdict: metricLabel });
        credited.inc(2 ** DIFFICULTY_LOG2);
        latency.observe((i % 64) / 16_000);
        sent.inc(ANSWER_BYTES);
      }
      return SHARES;
    },
    agrees: 'shares',
  };
}

export default defineCase({
  kind: 'micro',
  title: 'all metrics of one share together, against prom-client’s own classes',
  parameters: MICRO_PARAMETERS,
  run: async (context) => {
    const result = await playRounds(
      context,
      [engineSubject(), promSubject()],
      [{ name: 'metrics', above: 'prom_client', below: 'engine' }],
    );
    const measures = result.measures.map((one) => ({
      ...one,
      name: one.name.replace('ns_per_op', 'ns_per_share'),
    }));
    return { ...result, measures };
  },
});
