/**
 * Reads a configuration file. Every fault at once, each with file:line:column, what was found, what is expected and, where a
 * key is misspelt, the one that was meant. Nothing is started on a faulty file.
 */
import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { EdgeError } from '../src/kit/edge-error.ts';
import { type Config, configSchema } from './schema.ts';

export interface ConfigFault {
  /** file:line:column */
  readonly where: string;
  /** Path of the key, e.g. `stratum.ports.0.port`. */
  readonly path: string;
  readonly message: string;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly faults: readonly ConfigFault[] };

/** @param fileName only for the faults' positions. */
export function parseConfig(text: string, fileName: string): ConfigResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const where = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${fileName}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    const faults = document.errors.map((error) => ({
      where: where(error.pos[0]),
      path: '',
      message: error.message,
    }));
    return { ok: false, faults };
  }
  const parsed = configSchema.safeParse(document.toJS() ?? {});
  if (parsed.success) return { ok: true, config: parsed.data };
  const faults = parsed.error.issues.flatMap((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [undefined];
    return keys.map((key) => {
      const path = key === undefined ? issue.path : [...issue.path, key];
      return {
        where: where(offsetOf(document, path)),
        path: path.join('.'),
        message: key === undefined ? issue.message : unknownKey(key, issue.path),
      };
    });
  });
  return { ok: false, faults };
}

/** @throws EdgeError SLUICE_CONFIG_UNREADABLE | SLUICE_CONFIG_INVALID, the message holding every fault. */
export function loadConfig(path: string): Config {
  return loadConfigText(path).config;
}

/** The same, with the text that it was read from. */
export function loadConfigText(path: string): { readonly config: Config; readonly text: string } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new EdgeError(
      'SLUICE_CONFIG_UNREADABLE',
      `cannot read the configuration ${path}: ${(error as Error).message}`,
      '`sluice config example > sluice.yaml` writes one to begin with',
    );
  }
  const result = parseConfig(text, path);
  if (result.ok) return { config: result.config, text };
  const count = result.faults.length;
  throw new EdgeError(
    'SLUICE_CONFIG_INVALID',
    `${formatFaults(result.faults)}\n${count} problem${count === 1 ? '' : 's'}. Nothing was started.`,
  );
}

export function formatFaults(faults: readonly ConfigFault[]): string {
  return faults
    .map((fault) => `${fault.where}  ${fault.path ? `${fault.path}: ` : ''}${fault.message}`)
    .join('\n');
}

/** The connection string, from wherever the configuration says it lies. `embedded` has none yet. */
export function databaseUrlOf(config: Config, environment: NodeJS.ProcessEnv): string | undefined {
  if (config.database.url !== undefined) return config.database.url;
  if (config.database.urlFile === undefined) return undefined;
  const path = secretPath(config.database.urlFile, environment);
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new EdgeError(
      'SLUICE_SECRET_UNREADABLE',
      `database.urlFile: cannot read ${path}: ${(error as Error).message}`,
      'the file must exist and be readable by the user that Sluice runs as',
    );
  }
}

/** With variables filled in: systemd names its folder of credentials by one. */
export function secretPath(path: string, environment: NodeJS.ProcessEnv): string {
  return path.replace(/\$\{([A-Z_]+)\}/g, (_, name: string) => environment[name] ?? '');
}

/** Where the deepest part of the path that exists in the document begins. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent: unknown = document.getIn(path.slice(0, length - 1), true);
    const key = String(path[length - 1]);
    for (const item of (parent as { items?: unknown[] } | undefined)?.items ?? []) {
      const pair = item as { key?: { value?: unknown; range?: [number, number, number] } };
      if (pair.key && String(pair.key.value) === key && pair.key.range) return pair.key.range[0];
    }
    const node = document.getIn(path.slice(0, length), true) as
      | { range?: [number, number, number] }
      | undefined;
    if (node?.range) return node.range[0];
  }
  return 0;
}

function unknownKey(key: string, parent: readonly PropertyKey[]): string {
  const known = keysAt(parent);
  const near = known
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  const hint =
    near && near.distance <= 2 ? `; did you mean "${near.name}"?` : `; known here: ${known.join(', ')}`;
  return `unknown key${hint}`;
}

function keysAt(path: readonly PropertyKey[]): string[] {
  let schema: z.ZodType = configSchema;
  for (const key of path) {
    const inner = unwrap(schema);
    schema =
      typeof key === 'number'
        ? (inner as unknown as { element: z.ZodType }).element
        : (inner as unknown as { shape: Record<string, z.ZodType> }).shape[String(key)]!;
  }
  return Object.keys((unwrap(schema) as unknown as { shape?: object }).shape ?? {});
}

/** Through defaults and options to the object or array beneath. */
function unwrap(schema: z.ZodType): z.ZodType {
  let inner = schema as unknown as { unwrap?: () => z.ZodType; element?: unknown };
  while (typeof inner.unwrap === 'function' && inner.element === undefined)
    inner = inner.unwrap() as unknown as typeof inner;
  return inner as unknown as z.ZodType;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}
