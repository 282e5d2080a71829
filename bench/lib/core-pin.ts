/** Puts a process on one core, all its threads and those to come. Linux, by `taskset` of util-linux. */
import { execFileSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** A server that may only use one core, and its load on another. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** '' or why not. */
export function pinToCore(pid: number, core: number): string {
  if (availableParallelism() < 2) return 'one core for the server and one for its load need two cores';
  try {
    execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)], {
      stdio: 'ignore',
    });
    return '';
  } catch {
    return 'the server could not be put on one core: is there a taskset?';
  }
}
