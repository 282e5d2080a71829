/**
 * A process that supervises an embedded PostgreSQL in the folder of its first argument, for the tests that kill it or run
 * it as somebody else. Prints one JSON line: what it started, or the code of the error. `once` as second argument: stops
 * again by itself.
 */
import { EdgeError } from '../../src/kit/edge-error.ts';
import { silentLogger } from '../../src/kit/log.ts';
import { startEmbeddedPostgres } from '../../src/ledger/embedded-postgres.ts';

const [dataDir = '', mode = 'stay'] = process.argv.slice(2);
try {
  const server = await startEmbeddedPostgres({ dataDir, log: silentLogger });
  const { pid, url, port, firstStart } = server;
  process.stdout.write(`${JSON.stringify({ pid, url, port, firstStart, dataDir: server.dataDir })}\n`);
  if (mode === 'once') await server.stop();
  else setInterval(() => {}, 60_000);
} catch (error) {
  const said = error instanceof EdgeError ? { code: error.code, remedy: error.remedy } : { code: 'none' };
  process.stdout.write(`${JSON.stringify({ ...said, message: String(error) })}\n`);
  process.exitCode = 1;
}
