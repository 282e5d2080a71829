/**
 * Everything that turns rewards and work into credits, one step after the other: policies, the network's minutes, settlements, PPS.
 * In flows the lead, out flows a report of each round. The payer calls it every few seconds; without a node it settles all the same.
 */
import type { Config } from '../../../config/schema.ts';
import type { SchemeName } from '../../domain/pot.ts';
import type { Logger } from '../../kit/log.ts';
import { Gauge, type Registry } from '../../kit/metrics.ts';
import type { Lead } from '../lead.ts';
import { NetworkRecorder, type NetworkSource } from './network-minutes.ts';
import { syncPolicies } from './policies.ts';
import { PpsCredit, type PpsReport } from './pps-credit.ts';
import { Settler, type SettlerReport } from './settler.ts';

export interface RewardDeskOptions {
  readonly lead: Lead;
  readonly rewards: Config['rewards'];
  readonly clock: () => number;
  /** Never set by anybody, unlike `clock`. */
  readonly monotonicMs?: () => number;
  readonly log: Logger;
  /** PPS and FPPS need to know what a block is worth. */
  readonly source?: NetworkSource;
  readonly registry?: Registry;
}

export interface RewardReport {
  readonly settlements: SettlerReport;
  readonly pps: PpsReport;
}

const MS_PER_MINUTE = 60_000;
const SOMPI_PER_KAS = 1e8;

export class RewardDesk {
  readonly #options: RewardDeskOptions;
  readonly #settler: Settler;
  readonly #pps: PpsCredit;
  readonly #recorder: NetworkRecorder | undefined;
  #last: RewardReport | undefined;
  #settlements = 0;

  constructor(options: RewardDeskOptions) {
    const { lead, rewards, clock, monotonicMs, log, source, registry } = options;
    this.#options = options;
    this.#settler = new Settler({
      lead,
      clock,
      ...(monotonicMs && { monotonicMs }),
      log,
      waitForJournalsMs: rewards.waitForJournalsMinutes * MS_PER_MINUTE,
    });
    this.#pps = new PpsCredit({ lead, log });
    this.#recorder = source && new NetworkRecorder({ lead, source, clock, log });
    if (registry) this.#register(registry);
  }

  /** At the start, and when the configuration was read again. Without it nothing is settled: no pot has terms. */
  async applyPolicies(rewards: Config['rewards'] = this.#options.rewards): Promise<readonly SchemeName[]> {
    const changed = await syncPolicies(this.#options.lead, rewards, this.#options.clock());
    if (changed.length > 0) this.#options.log.info({ schemes: changed }, 'the terms of rewards have changed');
    return changed;
  }

  async tick(): Promise<RewardReport> {
    await this.#recorder?.tick();
    const settlements = await this.#settler.tick();
    // Work is credited after the blocks of the minutes before it have filled the reserve.
    const pps = await this.#pps.tick();
    this.#settlements += settlements.settled.length;
    this.#last = { settlements, pps };
    return this.#last;
  }

  #register(registry: Registry): void {
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge(registry, { name: `sluice_ledger_${name}`, help }, read);
    gauge('settlements', 'Rewards divided since this start, in settlements.', () => this.#settlements);
    gauge(
      'settlements_waiting',
      'Pots whose next settlement waits for journals or for earlier blocks.',
      () => this.#last?.settlements.waiting.length ?? 0,
    );
    gauge('settlements_halted', '1 while two divisions of one settlement differ.', () =>
      this.#last?.settlements.halted ? 1 : 0,
    );
    gauge(
      'reserve_kas',
      'What PPS and FPPS are credited from.',
      () => Number(this.#last?.pps.reserveSompi ?? 0n) / SOMPI_PER_KAS,
    );
    gauge(
      'pps_paused',
      'Pots whose credits wait because the reserve is at its stop line.',
      () => this.#last?.pps.paused.length ?? 0,
    );
  }
}
