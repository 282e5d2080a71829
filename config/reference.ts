/**
 * docs/CONFIGURATION.md: every key with its type, default and meaning, and what a change of it takes. Made from the schema and the table
 * of reloads, so that it cannot lag behind them; `sluice config reference` prints it.
 */
import { configJsonSchema } from './example.ts';
import { reloadRuleOf } from './reload-rules.ts';

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Record<string, JsonSchema>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
}

const HEAD = `# Configuration

Every key, from the schema that reads it (\`sluice config reference\` prints this page). \`sluice config example\` writes a file to begin with,
\`sluice config check FILE\` names every fault in one, with file:line:column; unknown keys stop the start.

**Reload.** \`systemctl reload sluice\`, SIGHUP and the console read the file again. Nothing is applied when anything in it is wrong. What can
change while the engine runs is applied, everything else is named in the log with its old and new value and holds from the next start on.
\`sluice config diff --config FILE\` says beforehand what a reload would do. Bans and renewed certificates are taken by themselves within seconds.
The payer has a SIGHUP of its own, for the terms of rewards.

\`*\` is a place in a list. A default of - means: none; **required** keys have no default.`;

export function configReference(): string {
  const schema = configJsonSchema() as JsonSchema;
  const sections = Object.entries(schema.properties ?? {}).map(([name, one]) => {
    const rows = rowsOf(one, name, schema.required?.includes(name) === true);
    const about = one.properties && one.description ? [`${one.description}.`, ''] : [];
    return [
      `## ${name}`,
      '',
      ...about,
      '| key | type | default | meaning | a change holds |',
      '|---|---|---|---|---|',
      ...rows,
      '',
    ].join('\n');
  });
  return `${HEAD}\n\n${sections.join('\n')}`;
}

function rowsOf(schema: JsonSchema, path: string, isRequired: boolean): string[] {
  const inner = schema.properties ?? schema.items?.properties;
  if (inner === undefined) return [row(schema, path, isRequired)];
  const { properties, required = [] } = schema.properties ? schema : schema.items!;
  const below = schema.properties ? path : `${path}.*`;
  return Object.entries(properties!).flatMap(([key, one]) =>
    rowsOf(one, `${below}.${key}`, required.includes(key)),
  );
}

function row(schema: JsonSchema, path: string, isRequired: boolean): string {
  const standard = schema.default === undefined ? (isRequired ? '**required**' : '-') : code(schema.default);
  const { effect, remark } = reloadRuleOf(path.replaceAll('*', '0'));
  const holds = effect === 'applied' ? `**${remark}**` : remark;
  return `| \`${path}\` | ${typeOf(schema)} | ${standard} | ${cell(schema.description ?? '')} | ${holds} |`;
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map(code).join(', ');
  if (schema.const !== undefined) return code(schema.const);
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' or ');
  if (schema.type === 'array') return `list of ${schema.items ? typeOf(schema.items) : 'values'}`;
  const { minimum = schema.exclusiveMinimum, maximum } = schema;
  const isBounded = minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER;
  return `${schema.type ?? 'text'}${isBounded ? `, ${minimum} to ${maximum}` : ''}`;
}

function code(value: unknown): string {
  return `\`${cell(JSON.stringify(value))}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
