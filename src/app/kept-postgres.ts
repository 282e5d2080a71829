/** An embedded PostgreSQL that is started again when it dies: port and password stay, so everybody's connections find it. */
import { messageOf } from '../kit/edge-error.ts';
import type { Logger } from '../kit/log.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../ledger/embedded-postgres.ts';

export interface KeptPostgres {
  readonly first: EmbeddedPostgres;
  stop(): Promise<void>;
}

/** A server that cannot live is not started in a loop that fills the log. */
const RESTART_PAUSE_MS = 1_000;

export async function keepPostgres(dataDir: string, log: Logger): Promise<KeptPostgres> {
  const first = await startEmbeddedPostgres({ dataDir, log });
  let current: EmbeddedPostgres | undefined = first;
  let stopping = false;
  const watch = async (): Promise<void> => {
    while (!stopping) {
      const exit = await current?.exited;
      if (stopping) return;
      log.error({ exit }, 'the embedded PostgreSQL died; starting it again');
      current = undefined;
      await new Promise((resolve) => setTimeout(resolve, RESTART_PAUSE_MS));
      if (stopping) return;
      current = await startEmbeddedPostgres({ dataDir, log }).catch((error: unknown) => {
        log.error({ fault: messageOf(error) }, 'the embedded PostgreSQL does not start');
        return undefined;
      });
    }
  };
  const watching = watch();
  return {
    first,
    stop: async () => {
      stopping = true;
      await current?.stop();
      await watching;
    },
  };
}
