/**
 * What a process has used, as the kernel counts it: CPU of all its threads, living and ended, and resident memory. Linux only.
 *
 * CPU comes in ticks of 10 ms (USER_HZ is 100 on every Linux that Node runs on), so a window of some seconds is exact to 1 %.
 */
import { readdirSync, readFileSync } from 'node:fs';

const TICK_US = 10_000;

export interface ProcessStat {
  readonly parentPid: number;
  readonly cpuUs: number;
  /** Of children that ended and were waited for. */
  readonly endedChildrenCpuUs: number;
}

export interface Memory {
  readonly rssBytes: number;
  /** The part that is not backed by files: heaps, buffers, stacks. */
  readonly anonymousBytes: number;
}

/** Undefined when the process is gone. */
export function processStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the name in brackets and may hold anything; what follows the last bracket is field 3 and on.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    parentPid: field(4),
    cpuUs: (field(14) + field(15)) * TICK_US,
    endedChildrenCpuUs: (field(16) + field(17)) * TICK_US,
  };
}

/** CPU of one process, all threads, without its children. */
export function cpuUsOf(pid: number): number {
  const stat = processStat(pid);
  if (!stat) throw new Error(`process ${pid} is gone`);
  return stat.cpuUs;
}

/** CPU of the thread that a process began with: exact to the last time it was switched out. */
export function mainThreadCpuUs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000;
}

/** CPU of a process and its children, ended ones included: a PostgreSQL server with its backends. */
export function familyCpuUs(pid: number): number {
  const own = processStat(pid);
  if (!own) return 0;
  let sum = own.cpuUs + own.endedChildrenCpuUs;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = processStat(Number(name));
    if (stat?.parentPid === pid) sum += stat.cpuUs + stat.endedChildrenCpuUs;
  }
  return sum;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (key: string): number => {
    const kibibytes = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    return Number(kibibytes ?? Number.NaN) * 1024;
  };
  return { rssBytes: bytes('VmRSS'), anonymousBytes: bytes('RssAnon') };
}
