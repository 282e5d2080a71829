/** `sluice serve`: the engine as a process. Configuration in, signals obeyed, exit code out. */
import { databaseUrlOf } from '../../config/load.ts';
import { createLogger } from '../kit/log.ts';
import { connectSystemd } from '../kit/systemd.ts';
import { inheritedSockets } from '../stratum/socket/inherited-sockets.ts';
import { logBounds } from './bounds-table.ts';
import { Configuration } from './configuration.ts';
import type { EdgePlace } from './edge-config.ts';
import { type Engine, startEngine } from './engine.ts';
import { keepPostgres } from './kept-postgres.ts';
import { onStopRequested, tellParent } from './role-channel.ts';

/** @param edge its place among several engines of this configuration; undefined = it is the only one */
export async function runServe(configFile: string, edge?: EdgePlace): Promise<number> {
  const configuration = new Configuration(configFile, edge);
  const config = configuration.inForce;
  const inherited = inheritedSockets(process.env, process.pid);
  const log = createLogger(config.log.level, config.instance);
  const systemd = connectSystemd(process.env, process.pid);
  logBounds(config, log);
  // Heard from the first moment: whoever stops an engine that is still starting gets an ordered end as well, a little later.
  const stopped = new Promise<string>((resolve) => onStopRequested(resolve));
  let engine: Engine | undefined;
  const status = (): string => (engine ? statusLine(engine) : 'starting');
  // Also from the first moment: unheard, it would end the process.
  process.on('SIGHUP', () => {
    if (!engine) return;
    systemd.reloading();
    engine.reload();
    systemd.ready(status);
  });
  const url = databaseUrlOf(config, process.env);
  const embedded = url === undefined ? await keepPostgres(config.database.embedded!, log) : undefined;
  try {
    engine = await startEngine(configuration, url ?? embedded!.first.url, log, inherited);
    tellParent({
      kind: 'ready',
      info: {
        stratumPorts: engine.stratumPorts,
        httpUrl: engine.httpUrl,
        operatorAddress: engine.operatorAddress,
        bootUnixMs: engine.bootUnixMs,
      },
    });
    systemd.ready(status);
    log.info({ reason: await stopped }, 'asked to stop');
    systemd.stopping();
    await engine.close();
    tellParent({ kind: 'final', info: engine.view() });
  } finally {
    await embedded?.stop();
    systemd.close();
    // A listened-to channel to the parent keeps a process alive, also one that failed to start.
    if (process.connected) process.disconnect();
  }
  return 0;
}

/** For `systemctl status`. */
function statusLine(engine: Engine): string {
  const { workers, nodes, ready } = engine.view();
  const synced = nodes.filter((node) => node.synced).length;
  const trouble = ready.ok ? '' : `; ${ready.reasons.join('; ')}`;
  return `${workers} workers, ${synced} of ${nodes.length} nodes synced, ports ${engine.stratumPorts.join(' ')}, page ${engine.httpUrl}${trouble}`;
}
