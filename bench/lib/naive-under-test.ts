/** The naive server as a process of its own, in the shape in which the cases drive both servers. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../../src/kit/log.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { startEmbeddedPostgres } from '../../src/ledger/embedded-postgres.ts';
import { databaseFolder } from './database-folder.ts';
import { cpuUsOf, familyCpuUs, mainThreadCpuUs, memoryOf } from './process-usage.ts';
import type { ServerUnderTest } from './server-under-test.ts';

export interface NaiveOptions {
  readonly jobsPerSecond: number;
  /** One INSERT a share, into a PostgreSQL of its own. */
  readonly naiveInserts?: boolean;
}

export async function startNaive(options: NaiveOptions): Promise<ServerUnderTest> {
  const folder = databaseFolder('sluice-naive-');
  const postgres = options.naiveInserts
    ? await startEmbeddedPostgres({ dataDir: join(folder, 'database'), log: silentLogger })
    : undefined;
  const child = fork(
    projectPath('dist', 'bench', 'baseline', 'naive-server.js'),
    [
      ...['--jobs-per-second', String(options.jobsPerSecond)],
      ...(postgres === undefined ? [] : ['--database', postgres.url]),
    ],
    { execArgv: [] },
  );
  const [message] = (await once(child, 'message')) as [{ info: { port: number } }];
  const pid = child.pid!;
  return {
    name: 'naive',
    port: message.info.port,
    pid,
    note: postgres === undefined ? '' : 'The naive server inserts a row a share and answers when it is in.',
    cpuUs: () => cpuUsOf(pid),
    mainCpuUs: () => mainThreadCpuUs(pid),
    databaseCpuUs: () => (postgres === undefined ? 0 : familyCpuUs(postgres.pid)),
    memory: () => memoryOf(pid),
    settled: async () => {},
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        child.kill('SIGTERM');
        await gone;
      }
      await postgres?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
