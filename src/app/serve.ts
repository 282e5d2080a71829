/** `sluice serve`: the engine as a process. Configuration in, signals obeyed, exit code out. */
import { databaseUrlOf, loadConfig } from '../../config/load.ts';
import { createLogger } from '../kit/log.ts';
import { startEngine } from './engine.ts';
import { keepPostgres } from './kept-postgres.ts';
import { onStopRequested, tellParent } from './role-channel.ts';

export async function runServe(configFile: string): Promise<number> {
  const config = loadConfig(configFile);
  const log = createLogger(config.log.level, config.instance);
  // Heard from the first moment: whoever stops an engine that is still starting gets an ordered end as well, a little later.
  const stopped = new Promise<string>((resolve) => onStopRequested(resolve));
  const url = databaseUrlOf(config, process.env);
  const embedded = url === undefined ? await keepPostgres(config.database.embedded!, log) : undefined;
  try {
    const engine = await startEngine(config, url ?? embedded!.first.url, log);
    tellParent({
      kind: 'ready',
      info: { stratumPorts: engine.stratumPorts, httpUrl: engine.httpUrl, bootUnixMs: engine.bootUnixMs },
    });
    log.info({ reason: await stopped }, 'asked to stop');
    await engine.close();
    tellParent({ kind: 'final', info: engine.view() });
  } finally {
    await embedded?.stop();
    // A listened-to channel to the parent keeps a process alive, also one that failed to start.
    if (process.connected) process.disconnect();
  }
  return 0;
}
