/** The operator's console of an engine: what it is told once a second, and what its orders reach. */
import type { ReloadAnswer } from '../api/operator/status-schema.ts';
import type { Logger } from '../kit/log.ts';
import type { EngineReport } from '../live/engine-report.ts';
import type { Configuration } from './configuration.ts';
import { type OperatorHandle, startOperator } from './operator-client.ts';
import type { Renewals } from './renewals.ts';

export interface ConsoleParts {
  readonly configuration: Configuration;
  readonly databaseUrl: string;
  readonly renewals: Renewals;
  readonly log: Logger;
  readonly report: () => EngineReport;
  readonly reload: (dryRun: boolean) => ReloadAnswer;
}

/** Undefined: the configuration has no `operator`, or `sluice api` serves it. */
export async function openConsole(parts: ConsoleParts): Promise<OperatorHandle | undefined> {
  const { configuration, databaseUrl, renewals, log, report, reload } = parts;
  const { operator, stratum } = configuration.inForce;
  if (operator === undefined || operator.servedBy === 'api') return undefined;
  const { version, network, startedAt } = report().snapshot;
  return await startOperator({
    ...{ operator, databaseUrl, log, reload },
    engines: () => [{ report: report(), ageMs: 0 }],
    banFile: stratum.banFile,
    service: { version, network, role: 'engine', pid: process.pid, startedAt },
    configuration: () => configuration.view(),
    bansChanged: () => renewals.refresh(),
  });
}
