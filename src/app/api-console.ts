/**
 * The operator's console of `sluice api`: all engines on one screen. In: what engines told over their sockets. An engine that has told
 * once and is gone stays on the screen, as silent, until it is forgotten; else nobody would see that one is missing.
 */
import { readFileSync } from 'node:fs';
import type { ReloadAnswer } from '../api/operator/status-schema.ts';
import type { Logger } from '../kit/log.ts';
import { projectPath } from '../kit/project-root.ts';
import type { EngineFeed } from '../live/engine-feed.ts';
import type { EngineReport } from '../live/engine-report.ts';
import type { Told } from '../live/verdict.ts';
import type { Configuration } from './configuration.ts';
import { type OperatorHandle, startOperator } from './operator-client.ts';

/** Long enough for an upgrade that went wrong, short enough for an engine that was taken down on purpose. */
const FORGET_AFTER_MS = 3_600_000;

export class EngineMemory {
  readonly #told = new Map<string, { report: EngineReport; atMs: number }>();
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  hear(report: EngineReport): void {
    this.#told.set(report.instance, { report, atMs: this.#clock() });
  }

  /** By instance. */
  engines(): readonly Told[] {
    const nowMs = this.#clock();
    for (const [instance, { atMs }] of this.#told)
      if (nowMs - atMs > FORGET_AFTER_MS) this.#told.delete(instance);
    return [...this.#told.values()]
      .map(({ report, atMs }) => ({ report, ageMs: nowMs - atMs }))
      .toSorted((a, b) => (a.report.instance < b.report.instance ? -1 : 1));
  }
}

/** Undefined: the configuration has no `operator`, or each engine serves its own. */
export async function openApiConsole(
  configuration: Configuration,
  databaseUrl: string,
  feed: EngineFeed,
  log: Logger,
): Promise<OperatorHandle | undefined> {
  const { operator, stratum, kaspa } = configuration.inForce;
  if (operator?.servedBy !== 'api') return undefined;
  const memory = new EngineMemory(() => performance.now());
  feed.onReport((report) => memory.hear(report));
  const { version } = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as { version: string };
  const startedAt = new Date().toISOString();
  return await startOperator({
    ...{ operator, databaseUrl, log },
    banFile: stratum.banFile,
    service: { version, network: kaspa.network, role: 'api', pid: process.pid, startedAt },
    engines: () => memory.engines(),
    configuration: () => configuration.view(),
    reload: (dryRun) => (dryRun ? configuration.reload() : ENGINES_RELOAD),
    // Engines look at the file every few seconds.
    bansChanged: () => {},
  });
}

const ENGINES_RELOAD: ReloadAnswer = {
  fault:
    'engines read their configuration again at their own SIGHUP (systemctl reload), `sluice api` at its next start',
  changes: [],
};
