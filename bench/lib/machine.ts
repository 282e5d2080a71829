/** On what a figure was measured: goes into every record, since a number without it means nothing. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { PROJECT_ROOT } from '../../src/kit/project-root.ts';

export interface Machine {
  readonly at: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly kernel: string;
  readonly node: string;
  readonly v8: string;
  /** '' outside a checkout. */
  readonly commit: string;
  readonly dirty: boolean;
  /** Over the minute before. Above the number of cores, somebody else was measured, too. */
  readonly load1: number;
  /** Part of the last 10 s in which some task waited for a CPU, in percent; null where the kernel does not tell. */
  readonly cpuPressure: number | null;
}

export function machineNow(): Machine {
  return {
    at: new Date().toISOString(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.versions.node,
    v8: process.versions.v8,
    commit: git('rev-parse', '--short=12', 'HEAD'),
    dirty: git('status', '--porcelain') !== '',
    load1: loadavg()[0]!,
    cpuPressure: cpuPressure(),
  };
}

export function machineText(machine: Machine): string {
  const { cpu, cores, memoryMb, kernel, node, v8, commit, dirty, load1, cpuPressure: pressure } = machine;
  const waiting = pressure === null ? '' : `, CPU pressure ${pressure.toFixed(0)} %`;
  const text = [
    `${cpu}, ${cores} cores, ${(memoryMb / 1024).toFixed(0)} GiB, Linux ${kernel}, Node ${node} (V8 ${v8})`,
    `commit ${commit || 'unknown'}${dirty ? ' with local changes' : ''}, load ${load1.toFixed(2)}${waiting}, ${machine.at}`,
  ];
  if (load1 > cores / 2)
    text.push('NOISY: the machine was busy before the run began; trust ratios only, if that');
  return text.join('\n');
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, {
      cwd: PROJECT_ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

function cpuPressure(): number | null {
  try {
    const text = readFileSync('/proc/pressure/cpu', 'utf8');
    return Number(/^some avg10=([\d.]+)/.exec(text)?.[1] ?? Number.NaN);
  } catch {
    return null;
  }
}
