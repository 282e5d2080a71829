/**
 * Metrics: plain numbers on the hot path, prom-client's shape when somebody asks.
 *
 * A prom-client `inc` with labels costs 200 ns and its histograms cannot be filled from outside, so the counting itself is a
 * typed-array add here; `Registry` and the exposition format stay prom-client's. Series are bounded: every label value is
 * declared when the family is made.
 */
import { Registry } from 'prom-client';
import type { LatencyRecord } from './latency-record.ts';

export { Registry } from 'prom-client';

export interface MetricDefinition {
  /** `sluice_<room>_<noun>[_unit][_total]` */
  readonly name: string;
  readonly help: string;
}

interface SampleValue {
  readonly value: number;
  readonly labels: Record<string, string | number>;
  readonly metricName?: string;
}

/** What Registry calls on anything registered; the JSON it yields also crosses threads for aggregation. */
abstract class Metric {
  readonly name: string;
  readonly help: string;
  readonly aggregator = 'sum';
  abstract readonly type: 'counter' | 'gauge' | 'histogram';

  constructor(registry: Registry, definition: MetricDefinition) {
    this.name = definition.name;
    this.help = definition.help;
    // prom-client only ever calls `name` and `get()` of what it holds; its types ask for one of its own classes.
    (registry as unknown as { registerMetric(metric: Metric): void }).registerMetric(this);
  }

  abstract values(): SampleValue[];

  get(): { name: string; help: string; type: string; values: SampleValue[]; aggregator: string } {
    return {
      name: this.name,
      help: this.help,
      type: this.type,
      values: this.values(),
      aggregator: this.aggregator,
    };
  }
}

export class Counter extends Metric {
  readonly type = 'counter';
  value = 0;

  inc(by = 1): void {
    this.value += by;
  }

  values(): SampleValue[] {
    return [{ value: this.value, labels: {} }];
  }
}

/** One counter per value of one label; the values are fixed at birth and addressed by index. */
export class CounterFamily extends Metric {
  readonly type = 'counter';
  readonly counts: Float64Array;
  readonly #label: string;
  readonly #labelValues: readonly string[];

  constructor(
    registry: Registry,
    definition: MetricDefinition,
    label: string,
    labelValues: readonly string[],
  ) {
    super(registry, definition);
    this.#label = label;
    this.#labelValues = labelValues;
    this.counts = new Float64Array(labelValues.length);
  }

  inc(index: number, by = 1): void {
    this.counts[index]! += by;
  }

  total(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }

  values(): SampleValue[] {
    return this.#labelValues.map((labelValue, index) => ({
      value: this.counts[index]!,
      labels: { [this.#label]: labelValue },
    }));
  }
}

/** Read when asked, not kept. */
export class Gauge extends Metric {
  readonly type = 'gauge';
  readonly #read: () => number;

  constructor(registry: Registry, definition: MetricDefinition, read: () => number) {
    super(registry, definition);
    this.#read = read;
  }

  values(): SampleValue[] {
    return [{ value: this.#read(), labels: {} }];
  }
}

/** A family that is read when asked; its label values are bounded by whoever makes them. */
abstract class ReadFamily extends Metric {
  readonly #read: () => { labels: Record<string, string>; value: number }[];

  constructor(
    registry: Registry,
    definition: MetricDefinition,
    read: () => { labels: Record<string, string>; value: number }[],
  ) {
    super(registry, definition);
    this.#read = read;
  }

  values(): SampleValue[] {
    return this.#read();
  }
}

export class GaugeFamily extends ReadFamily {
  readonly type = 'gauge';
}

/** Upper bounds in seconds from 50 us to 10 s, 1-2-5 steps: below is the clock's noise, above is an outage. */
export const LATENCY_BOUNDS_S = [
  0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
] as const;

export class Histogram extends Metric {
  readonly type = 'histogram';
  readonly #bounds: Float64Array;
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(
    registry: Registry,
    definition: MetricDefinition,
    bounds: readonly number[] = LATENCY_BOUNDS_S,
  ) {
    super(registry, definition);
    this.#bounds = Float64Array.from(bounds);
    this.#counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    this.#sum += value;
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index++;
    this.#counts[index]!++;
  }

  get count(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  values(): SampleValue[] {
    const out: SampleValue[] = [];
    let cumulative = 0;
    for (let index = 0; index < this.#bounds.length; index++) {
      cumulative += this.#counts[index]!;
      out.push({
        value: cumulative,
        labels: { le: this.#bounds[index]! },
        metricName: `${this.name}_bucket`,
      });
    }
    cumulative += this.#counts[this.#bounds.length]!;
    out.push({ value: cumulative, labels: { le: '+Inf' }, metricName: `${this.name}_bucket` });
    out.push({ value: this.#sum, labels: {}, metricName: `${this.name}_sum` });
    out.push({ value: cumulative, labels: {}, metricName: `${this.name}_count` });
    return out;
  }
}

/** Of latency records that somebody fills anyway: read when asked. One label, whose values are the keys. */
export class LatencyFamily extends Metric {
  readonly type = 'histogram';
  readonly #label: string;
  readonly #records: Readonly<Record<string, LatencyRecord>>;

  constructor(
    registry: Registry,
    definition: MetricDefinition,
    label: string,
    records: Readonly<Record<string, LatencyRecord>>,
  ) {
    super(registry, definition);
    this.#label = label;
    this.#records = records;
  }

  values(): SampleValue[] {
    return Object.entries(this.#records).flatMap(([value, record]) => {
      const labels = { [this.#label]: value };
      const { count } = record;
      const sample = (name: string, number: number, more = {}): SampleValue => ({
        value: number,
        labels: { ...more, ...labels },
        metricName: `${this.name}_${name}`,
      });
      return [
        ...LATENCY_BOUNDS_S.map((le) => sample('bucket', record.countUpTo(le), { le })),
        sample('bucket', count, { le: '+Inf' }),
        sample('sum', record.sumSeconds),
        sample('count', count),
      ];
    });
  }
}

/** Counted elsewhere, by somebody who only counts up. */
export class ReadCounterFamily extends ReadFamily {
  readonly type = 'counter';
}

export function createRegistry(): Registry {
  return new Registry();
}
