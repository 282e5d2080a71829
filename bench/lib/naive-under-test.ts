/** The naive server as a process of its own, in the shape in which the cases drive both servers. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { projectPath } from '../../src/kit/project-root.ts';
import { cpuUsOf, mainThreadCpuUs, memoryOf } from './process-usage.ts';
import type { ServerUnderTest } from './server-under-test.ts';

export async function startNaive(options: { jobsPerSecond: number }): Promise<ServerUnderTest> {
  const child = fork(
    projectPath('dist', 'bench', 'baseline', 'naive-server.js'),
    ['--jobs-per-second', String(options.jobsPerSecond)],
    { execArgv: [] },
  );
  const [message] = (await once(child, 'message')) as [{ info: { port: number } }];
  const pid = child.pid!;
  return {
    name: 'naive',
    port: message.info.port,
    pid,
    note: '',
    cpuUs: () => cpuUsOf(pid),
    mainCpuUs: () => mainThreadCpuUs(pid),
    databaseCpuUs: () => 0,
    memory: () => memoryOf(pid),
    settled: async () => {},
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    },
  };
}
