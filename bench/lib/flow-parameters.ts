/** Parameters that the flow cases share, so that the same word means the same in all of them. */
import type { Parameter } from './bench-case.ts';

export const ROUNDS: Parameter = {
  unit: '',
  text: 'turns of every server',
  real: 5,
  smoke: 1,
  min: 1,
  max: 1_000,
};
export const TIME: Parameter = { unit: 's', text: 'measured part of a turn', real: 5, smoke: 0.7, min: 0.2 };
export const WARM_UP: Parameter = {
  unit: 's',
  text: 'part of a turn before it',
  real: 1.5,
  smoke: 0.2,
  min: 0,
};
export const DEPTH: Parameter = {
  unit: '',
  text: 'shares in flight per connection; the next leaves when one is answered',
  real: 1,
  smoke: 2,
  min: 1,
  max: 256,
};
export const JOBS_PER_SECOND: Parameter = {
  unit: '/s',
  text: 'jobs to every miner',
  real: 10,
  smoke: 10,
  min: 0.1,
  max: 100,
};
export const ONE_CORE: Parameter = {
  unit: '',
  text: '1 = the whole server on one core, the generator on another',
  real: 0,
  smoke: 0,
  min: 0,
  max: 1,
};
export const THREADS: Parameter = {
  unit: '',
  text: 'validator threads of the engine; 0 = as it decides',
  real: 0,
  smoke: 0,
  min: 0,
  max: 256,
};
/** 20,000 descriptors are a usual hard limit, and both sides need some for themselves. */
const CONNECTIONS_MAX = 60_000;

export function connections(real: number, smoke = 20): Parameter {
  return { unit: '', text: 'miners', real, smoke, min: 1, max: CONNECTIONS_MAX };
}

export function rate(real: number, smoke = 200): Parameter {
  return { unit: '/s', text: 'shares by the clock, over all miners', real, smoke, min: 1, max: 1_000_000 };
}

/** As `EngineOptions` wants it. */
export function threadsOption(threads: number): { threads?: number } {
  return threads === 0 ? {} : { threads };
}
