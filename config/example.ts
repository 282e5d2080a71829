/** The example configuration, made from the schema's own descriptions so that it cannot lag behind it. */
import { z } from 'zod';
import { configSchema } from './schema.ts';

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Record<string, JsonSchema>;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
}

/** What stands in the example where the schema has no default. Keys by path; arrays hold one sample element. */
const SAMPLES: Record<string, unknown> = {
  'kaspa.network': 'mainnet',
  'kaspa.payAddress': 'kaspa:YOUR_POOL_ADDRESS',
  'kaspa.nodes.name': 'node-a',
  'kaspa.nodes.address': '127.0.0.1:16110',
  'stratum.ports.port': 5555,
  'stratum.ports.difficulty': 4096,
  'database.urlFile': '/etc/sluice/database-url',
  'journal.directory': '/var/lib/sluice/journal',
};

export function configJsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input' });
}

export function configExample(): string {
  const schema = configJsonSchema() as JsonSchema;
  return [
    '# Sluice configuration. `sluice config check FILE` reads it and names every fault; unknown keys are refused.',
    '# Values are the defaults; a commented key is optional.',
    '',
    ...objectLines(schema, '', 0),
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n');
}

function objectLines(schema: JsonSchema, path: string, indent: number): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
    keyLines(key, value, path ? `${path}.${key}` : key, indent),
  );
}

function keyLines(key: string, schema: JsonSchema, path: string, indent: number): string[] {
  const pad = '  '.repeat(indent);
  const comment = commentOf(schema).map((line) => `${pad}# ${line}`);
  if (schema.properties) {
    const body = objectLines(schema, path, indent + 1);
    // An object with nothing in it is none: it is optional, as all that it holds.
    const isEmpty = body.every((line) => line.trim() === '' || line.trimStart().startsWith('#'));
    return [...comment, `${pad}${isEmpty ? '# ' : ''}${key}:`, ...body, ''];
  }
  if (schema.type === 'array' && schema.items?.properties && Array.isArray(schema.default)) {
    // An empty list by default: its elements are shown as a comment.
    const sample = objectLines(schema.items, path, 2).map(
      (line) => `${pad}# ${line.trim().replace(/^# /, '')}`,
    );
    return [...comment, ...sample, `${pad}${key}: ${JSON.stringify(schema.default)}`, ''];
  }
  if (schema.type === 'array' && schema.items?.properties) {
    const [first = '', ...rest] = objectLines(schema.items, path, indent + 2);
    const body = [first, ...rest];
    const lead = body.findIndex((line) => !line.trimStart().startsWith('#'));
    body[lead] = `${'  '.repeat(indent + 1)}- ${body[lead]!.trimStart()}`;
    return [...comment, `${pad}${key}:`, ...body, ''];
  }
  const sample = SAMPLES[path] ?? schema.default;
  const line = sample === undefined || sample === '' ? `# ${key}:` : `${key}: ${JSON.stringify(sample)}`;
  return [...comment, `${pad}${line}`];
}

function commentOf(schema: JsonSchema): string[] {
  const choices = schema.enum ? `one of: ${schema.enum.join(', ')}` : '';
  return [schema.description ?? '', choices].filter((line) => line !== '');
}
