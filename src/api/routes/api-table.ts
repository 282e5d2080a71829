/** All addresses that answer JSON to a GET, in one table. */
import { COMPAT_ENDPOINTS } from './compat-endpoints.ts';
import type { Endpoint } from './endpoint.ts';
import { MINER_ENDPOINTS } from './miner-endpoints.ts';
import { POOL_ENDPOINTS } from './pool-endpoints.ts';

export const ENDPOINTS: readonly Endpoint[] = [...POOL_ENDPOINTS, ...MINER_ENDPOINTS, ...COMPAT_ENDPOINTS];

/** A path in parts; `{name}` takes one part, whatever it says. */
interface Pattern {
  readonly endpoint: Endpoint;
  readonly parts: readonly string[];
}

export interface PathMatch {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string>>;
}

const FIXED = new Map(ENDPOINTS.filter(({ path }) => !path.includes('{')).map((one) => [one.path, one]));
const PATTERNS: readonly Pattern[] = ENDPOINTS.filter(({ path }) => path.includes('{')).map((one) => ({
  endpoint: one,
  parts: one.path.split('/'),
}));
const NO_PARAMS = {};

/** @param path as it came, not decoded */
export function matchPath(path: string): PathMatch | undefined {
  const fixed = FIXED.get(path);
  if (fixed) return { endpoint: fixed, params: NO_PARAMS };
  const parts = path.split('/');
  for (const pattern of PATTERNS) {
    const params = paramsOf(pattern, parts);
    if (params) return { endpoint: pattern.endpoint, params };
  }
  return undefined;
}

function paramsOf({ parts }: Pattern, given: readonly string[]): Record<string, string> | undefined {
  if (parts.length !== given.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const value = given[index]!;
    if (!part.startsWith('{')) {
      if (part !== value) return undefined;
    } else if (value === '') return undefined;
    else params[part.slice(1, -1)] = value;
  }
  return params;
}
