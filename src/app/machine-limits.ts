/** What this machine grants a process. Linux; elsewhere the numbers that are not to be had are generous guesses. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';

export interface MachineLimits {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Descriptors of one process. */
  readonly openFiles: number;
}

const OPEN_FILES_GUESS = 65_536;

export function machineLimits(): MachineLimits {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    // A container may have less than the machine; 0 and absurd values mean that it has not.
    memoryBytes: Math.min(totalmem(), constrainedMemory()),
    openFiles: openFilesMax(),
  };
}

/** The hard limit: Node raises the soft one to it by itself. */
export function openFilesMax(): number {
  try {
    const text = readFileSync('/proc/self/limits', 'utf8');
    const hard = /^Max open files\s+\S+\s+(\d+)/m.exec(text)?.[1];
    return hard === undefined ? OPEN_FILES_GUESS : Number(hard);
  } catch {
    return OPEN_FILES_GUESS;
  }
}

function constrainedMemory(): number {
  const bytes = process.constrainedMemory?.() ?? 0;
  return bytes > 0 ? bytes : Number.POSITIVE_INFINITY;
}
