/**
 * The configuration of one edge: an engine of several that share their ports and their PostgreSQL, and nothing else. Each has a name
 * of its own, which is in its coinbase and so gives it a nonce space of its own, a journal and a page of its own. Pure.
 */
import { operatorListenOf, operatorPlace } from '../../config/operator-terms.ts';
import type { Config } from '../../config/schema.ts';
import { EdgeError } from '../kit/edge-error.ts';

export interface EdgePlace {
  /** From 1 on. */
  readonly number: number;
  readonly of: number;
}

const INSTANCE_LENGTH_MAX = 32;
const PORT_MAX = 65_535;

/** @throws EdgeError SLUICE_EDGES for a configuration that several engines cannot share */
export function edgeConfig(config: Config, { number, of }: EdgePlace, cores: number): Config {
  const instance = `${config.instance}-${number}`;
  checkShareable(config, instance, of);
  const { journal, http, validation, operator } = config;
  return {
    ...config,
    instance,
    journal: { ...journal, directory: `${journal.directory}/${instance}` },
    // Port 0 takes any free one already.
    http: { ...http, port: http.port === 0 ? 0 : http.port + number - 1 },
    ...(operator && { operator: { ...operator, listen: operatorListenOf(operator.listen, number) } }),
    validation: {
      ...validation,
      // The main threads have a core each; what is left is shared.
      threads: validation.threads || Math.max(1, Math.floor((cores - of) / of)),
    },
  };
}

function checkShareable(config: Config, instance: string, of: number): void {
  const fault = (text: string, remedy: string): EdgeError => new EdgeError('SLUICE_EDGES', text, remedy);
  if (config.database.embedded !== undefined)
    throw fault(
      'several engines cannot share an embedded PostgreSQL',
      'Give database.url or database.urlFile: the database is where edges meet.',
    );
  if (instance.length > INSTANCE_LENGTH_MAX)
    throw fault(
      `instance "${config.instance}" is too long for edges: "${instance}" has more than ${INSTANCE_LENGTH_MAX} letters`,
      'Shorten it.',
    );
  if (config.http.port !== 0 && config.http.port + of - 1 > PORT_MAX)
    throw fault(
      `http.port ${config.http.port} leaves no ports above it for ${of} edges`,
      'Each edge has a page and metrics on a port of its own: http.port and those above it.',
    );
  checkConsoles(config, of, fault);
}

/** Pages and consoles both count upwards: from 8080 and 8081 on the second edge's page would want the first one's console. */
function checkConsoles(
  { http, operator }: Config,
  of: number,
  fault: (text: string, remedy: string) => EdgeError,
): void {
  const place = operator?.servedBy === 'api' ? undefined : operatorPlace(operator?.listen ?? '');
  if (place?.kind !== 'loopback' || place.port === 0) return;
  if (place.port + of - 1 > PORT_MAX)
    throw fault(
      `operator.listen ${place.port} leaves no ports above it for ${of} edges`,
      'Each edge has a console of its own: on that port and those above it.',
    );
  if (http.enabled && http.port !== 0 && Math.abs(http.port - place.port) < of)
    throw fault(
      `with ${of} edges the pages from port ${http.port} on and the consoles from ${place.port} on would meet`,
      `Give operator.listen a port of ${http.port + of} or more, or a Unix socket.`,
    );
}
