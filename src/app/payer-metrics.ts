/**
 * Figures of the payer, as a file in Prometheus' text format: `payer.prom` in `payouts.stateDirectory`, for the textfile collector of
 * node_exporter. In flow reports and duties, out flows the file. The process that has the key listens on no port, not even for this.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CounterFamily, createRegistry, Gauge, GaugeFamily, type Registry } from '../kit/metrics.ts';
import type { Report } from '../payout/payout-machine.ts';
import { PAYOUT_STATES } from '../payout/payout-store.ts';
import type { DutyRecord } from './payer-loop.ts';

const FILE = 'payer.prom';
const MS_PER_SECOND = 1_000;

export class PayerMetrics {
  readonly registry: Registry = createRegistry();
  readonly #steps: CounterFamily;
  /** Of the parts that are made anew with each lead. */
  #ledger: Registry = createRegistry();
  #report: Report | undefined;
  #epoch = 0;

  constructor(records: ReadonlyMap<string, DutyRecord>) {
    const { registry } = this;
    const gauge = (name: string, help: string, read: () => number): Gauge =>
      new Gauge(registry, { name: `sluice_payer_${name}`, help }, read);
    gauge('epoch', 'Epoch of the lead; 0 while this payer has none.', () => this.#epoch);
    gauge(
      'halts',
      'Halts that a person must clear; payouts stand still while there is one.',
      () => this.#report?.halts.length ?? 0,
    );
    gauge(
      'faults',
      'What nodes, signer or plans had against going on, in the last turn.',
      () => this.#report?.faults.length ?? 0,
    );
    new GaugeFamily(
      registry,
      { name: 'sluice_payer_payouts_live', help: 'Payouts on their way, by state.' },
      () =>
        PAYOUT_STATES.slice(0, 4).map((state) => ({
          labels: { state },
          value: this.#report?.live.filter((payout) => payout.state === state).length ?? 0,
        })),
    );
    this.#steps = new CounterFamily(
      registry,
      {
        name: 'sluice_payer_steps_total',
        help: 'Steps of payouts since the start, by the state that they led to.',
      },
      'state',
      PAYOUT_STATES,
    );
    new GaugeFamily(
      registry,
      { name: 'sluice_payer_duty_ok_timestamp_seconds', help: 'When each duty last went well; 0 = never.' },
      () =>
        [...records].map(([duty, { lastOkUnixMs }]) => ({
          labels: { duty },
          value: lastOkUnixMs / MS_PER_SECOND,
        })),
    );
  }

  leads(epoch: bigint | undefined): void {
    this.#epoch = Number(epoch ?? 0n);
  }

  /** Empty: for the parts of a lead that has just begun. */
  ledgerRegistry(): Registry {
    this.#ledger = createRegistry();
    return this.#ledger;
  }

  observe(report: Report): void {
    this.#report = report;
    for (const { to } of report.steps) this.#steps.inc(PAYOUT_STATES.indexOf(to));
    this.#steps.inc(PAYOUT_STATES.indexOf('PLANNED'), report.planned.length);
  }

  /** Whole or not at all: the collector may read at any moment. */
  async write(folder: string): Promise<void> {
    const path = join(folder, FILE);
    const text = `${await this.registry.metrics()}\n${await this.#ledger.metrics()}`;
    writeFileSync(`${path}.new`, text, { mode: 0o644 });
    renameSync(`${path}.new`, path);
  }
}
