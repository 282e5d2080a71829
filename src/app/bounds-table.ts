/** `sluice config limits`, and what the engine says of its bounds when it starts. */
import { BOUNDS, LIMITS } from '../../config/limits.ts';
import type { Config } from '../../config/schema.ts';
import type { Logger } from '../kit/log.ts';
import { openFilesMax } from './machine-limits.ts';
import { type MemoryPart, memoryBound, totalBytes } from './memory-bound.ts';

const MEBIBYTE = 2 ** 20;
const MS_PER_SECOND = 1_000;

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / MEBIBYTE)} MiB`;

/** Sockets that this process can have open: its own bound, or that of the system. */
export function connectionBound(): number {
  return Math.min(LIMITS.connectionsMax, openFilesMax());
}

export function jobsPerSecondOf(config: Config | undefined): number {
  const intervals = config?.stratum.ports.map(({ jobIntervalMs }) => jobIntervalMs) ?? [LIMITS.jobIntervalMs];
  return MS_PER_SECOND / Math.min(...intervals);
}

export function boundsText(connections: number, jobsPerSecond: number): string {
  const rows = Object.entries(BOUNDS).map(([name, { value, unit, why }]) => [name, `${value} ${unit}`, why]);
  const nameWidth = Math.max(...rows.map(([name]) => name!.length));
  const valueWidth = Math.max(...rows.map(([, value]) => value!.length));
  const lines = rows.map(
    ([name, value, why]) => `${name!.padEnd(nameWidth)}  ${value!.padStart(valueWidth)}  ${why}`,
  );
  const parts = memoryBound(connections, jobsPerSecond);
  return [
    ...lines,
    '',
    `memory with ${connections} connections at ${jobsPerSecond} jobs/s:   usual / worst`,
    ...parts.map(partLine),
    partLine({
      name: 'together',
      usualBytes: totalBytes(parts, 'usualBytes'),
      worstBytes: totalBytes(parts, 'worstBytes'),
      how: 'the kernel needs some 10 KiB a socket besides',
    }),
    '',
  ].join('\n');
}

function partLine({ name, usualBytes, worstBytes, how }: MemoryPart): string {
  return `${name.padEnd(14)}${mebibytes(usualBytes).padStart(10)}${mebibytes(worstBytes).padStart(12)}   ${how}`;
}

export function boundsObject(connections: number, jobsPerSecond: number): object {
  return { bounds: BOUNDS, connections, jobsPerSecond, memory: memoryBound(connections, jobsPerSecond) };
}

/** One line of the log: all numbers, and the memory that they come to. */
export function logBounds(config: Config, log: Logger): void {
  const connections = connectionBound();
  const parts = memoryBound(connections, jobsPerSecondOf(config));
  log.info(
    {
      limits: LIMITS,
      connections,
      memoryUsual: mebibytes(totalBytes(parts, 'usualBytes')),
      memoryWorst: mebibytes(totalBytes(parts, 'worstBytes')),
    },
    'bounds of this engine; `sluice config limits` tells what each is for',
  );
}
