/**
 * A reload: the file is read again, what may change while the engine runs is changed, all else is refused by name, and the log has every
 * difference. A file with a fault in it changes nothing.
 */
import type { ReloadAnswer } from '../api/operator/status-schema.ts';
import type { Logger } from '../kit/log.ts';
import type { Stratum } from '../stratum/stratum-server.ts';
import type { Configuration } from './configuration.ts';
import { portLimits } from './port-options.ts';
import type { Renewals } from './renewals.ts';

export interface Reloadable {
  readonly configuration: Configuration;
  readonly stratum: Stratum;
  readonly renewals: Renewals;
  readonly log: Logger;
}

/** @param dryRun says what would be done, and does nothing */
export function reloadEngine(parts: Reloadable, dryRun: boolean): ReloadAnswer {
  const { configuration, stratum, renewals, log } = parts;
  if (dryRun) return configuration.reload();
  const answer = configuration.reload((config) => {
    log.level = config.log.level;
    stratum.setPortLimits(config.stratum.ports.map(({ limits }) => portLimits(limits)));
  });
  renewals.refresh();
  if (answer.fault !== '') {
    log.error({ fault: answer.fault }, 'the configuration cannot be read again; all stays as it is');
    return answer;
  }
  // Not `key`: the log keeps what stands under that name to itself.
  for (const { key, before, after, effect, remark } of answer.changes)
    log[effect === 'applied' ? 'info' : 'warn'](
      { setting: key, before, after, effect },
      effect === 'applied' ? 'reload: applied' : `reload: not applied, it holds ${remark}`,
    );
  log.info({ changes: answer.changes.length }, 'the configuration was read again');
  return answer;
}
