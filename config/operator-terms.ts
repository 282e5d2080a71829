/** The part of the configuration that is about the operator's own door: where it is, and what opens it. */
import { isIPv4 } from 'node:net';
import { z } from 'zod';

/** Where the console listens. */
export type OperatorPlace =
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'loopback'; readonly host: string; readonly port: number };

const PORT_MAX = 65_535;

/** Undefined: neither a Unix socket nor an address of this machine alone. */
export function operatorPlace(listen: string): OperatorPlace | undefined {
  const path = /^unix:(\/.+)$/.exec(listen)?.[1];
  if (path !== undefined) return { kind: 'socket', path };
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(listen) ?? [];
  const bare = host.replace(/^\[|\]$/g, '');
  const isLoopback = bare === '::1' || bare === 'localhost' || (isIPv4(bare) && bare.startsWith('127.'));
  return isLoopback && Number(port) <= PORT_MAX
    ? { kind: 'loopback', host: bare, port: Number(port) }
    : undefined;
}

/** Of one edge among several: each has a door of its own, beside the first one's. @param number from 1 on */
export function operatorListenOf(listen: string, number: number): string {
  const place = operatorPlace(listen);
  if (place?.kind === 'socket') return `unix:${place.path.replace(/(\.sock)?$/, `-${number}$1`)}`;
  if (place === undefined || place.port === 0) return listen;
  return listen.replace(/\d+$/, String(place.port + number - 1));
}

export const operator = z
  .strictObject({
    listen: z
      .string()
      .refine(
        (text) => operatorPlace(text) !== undefined,
        'expected an address of this machine alone, such as 127.0.0.1:8081, or unix:/run/sluice/operator.sock',
      )
      .describe(
        'Where the console and `sluice status` find it: 127.0.0.1:8081, or unix:/run/sluice/operator.sock (mode 0660). Never an address that others can reach',
      ),
    tokenFile: z.string().min(1).describe(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: systemd's variable is meant, not a template.
      'File with the token that opens it, 32 characters or more, mode 0600, or a systemd credential: ${CREDENTIALS_DIRECTORY}/operator-token',
    ),
    servedBy: z
      .enum(['engine', 'api'])
      .optional()
      .describe(
        'engine, the default: each engine has its own; api: `sluice api` has one for all engines, which reload at their own SIGHUP',
      ),
    databaseUrlFile: z
      .string()
      .min(1)
      .optional()
      .describe(
        'File with a database URL for what the console does with payouts, of a role that may clear halts (sluice_operator in deploy/roles.sql); default: the database as above',
      ),
  })
  .optional()
  .describe("The operator's console, on a listener of its own; absent: there is none");
