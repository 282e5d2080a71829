/** The socket limit as a process of its own: C where it can be compiled, `node:net` where not. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectPath } from '../../src/kit/project-root.ts';
import { cpuUsOf, mainThreadCpuUs, memoryOf } from './process-usage.ts';
import type { ServerUnderTest } from './server-under-test.ts';

export async function startLimit(options: { jobsPerSecond: number }): Promise<ServerUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-limit-'));
  const compiled = compile(join(folder, 'limit-server'));
  const jobs = String(options.jobsPerSecond);
  const stdio = ['pipe', 'pipe', 'inherit'] as const;
  const child: ChildProcess = compiled
    ? spawn(compiled, [jobs], { stdio: [...stdio] })
    : spawn(process.execPath, [projectPath('dist', 'bench', 'baseline', 'limit-server.js'), jobs], {
        stdio: [...stdio],
      });
  const [port] = (await once(child.stdout!, 'data')) as [Buffer];
  const pid = child.pid!;
  return {
    name: 'limit',
    port: Number(port.toString()),
    pid,
    note: compiled ? '' : 'No C compiler: the limit is that of plain node:net, which is above the true one.',
    // One thread, whose clock is finer than the process's.
    cpuUs: () => (compiled ? mainThreadCpuUs(pid) : cpuUsOf(pid)),
    mainCpuUs: () => mainThreadCpuUs(pid),
    databaseCpuUs: () => 0,
    memory: () => memoryOf(pid),
    settled: async () => {},
    stop: async () => {
      const gone = once(child, 'exit');
      child.stdin!.end();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The program's path, or undefined where there is no compiler. */
function compile(program: string): string | undefined {
  const source = projectPath('bench', 'baseline', 'limit-server.c');
  try {
    execFileSync('cc', ['-O2', '-o', program, source], { stdio: 'ignore' });
    return program;
  } catch {
    return undefined;
  }
}
