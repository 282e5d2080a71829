import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { docsPage } from '../../../src/api/docs-page.ts';
import { apiDocument } from '../../../src/api/openapi.ts';
import { OriginRule } from '../../../src/api/origin-rule.ts';
import { publish } from '../../../src/api/published.ts';
import { Answerer } from '../../../src/api/routes/answer.ts';
import { ENDPOINTS, matchPath } from '../../../src/api/routes/api-table.ts';
import { createRoutes } from '../../../src/api/routes.ts';
import { projectPath } from '../../../src/kit/project-root.ts';
import { SAMPLE_TERMS, snapshotReads } from '../../kit/sample-terms.ts';
import { SAMPLE } from './sample-snapshot.ts';

/** `docs/API.md` is what the document says, no more and no less. `SLUICE_WRITE_DOCS=1` rewrites the file. */
const FILE = projectPath('docs', 'API.md');
const document = apiDocument('0.1.0');

interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}
interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { name: string; in: string; description?: string; schema: Schema }[];
  readonly responses: Readonly<
    Record<string, { description: string; content?: Record<string, { schema: Schema }> }>
  >;
}

describe('the OpenAPI document', () => {
  it('has every address of the table, and every other one that is served', async () => {
    expect(Object.keys(document.paths!)).toEqual(expect.arrayContaining(ENDPOINTS.map(({ path }) => path)));
    const handle = createRoutes({
      published: () => publish(SAMPLE, 0),
      assets: { folder: '/assets/', files: [] },
      wallClock: Date.now,
      reads: snapshotReads(() => SAMPLE),
      terms: SAMPLE_TERMS,
      desk: { terms: SAMPLE_TERMS, nowMs: 0 } as never,
      scrape: async () => '',
      nowMs: () => 0,
      origins: new OriginRule(['*']),
      staleAfterMs: 1,
    });
    for (const path of Object.keys(document.paths!).filter((one) => !one.includes('{'))) {
      const request = {
        method: 'GET',
        path,
        query: '',
        ifNoneMatch: '',
        peer: '127.0.0.1',
        forwardedFor: '',
      };
      const { status } = await handle(request as never);
      // Without a database some have nothing to say; none is unknown.
      expect([path, [200, 426, 503].includes(status)]).toEqual([path, true]);
    }
  });

  it('knows every word that a refusal says', async () => {
    const answerer = new Answerer({
      reads: snapshotReads(() => SAMPLE),
      terms: SAMPLE_TERMS,
      nowMs: () => 0,
    });
    const path = '/api/v1/pool/series';
    const request = { method: 'GET', path, query: 'range=9y', peer: '127.0.0.1', forwardedFor: '' };
    const { status, body } = await answerer.answer(request as never, matchPath(path)!);
    expect(status).toBe(400);
    const { properties } = document.components!.schemas!.Problem as Schema;
    expect(Object.keys(properties!)).toEqual(expect.arrayContaining(Object.keys(JSON.parse(String(body)))));
  });

  it('makes a page with no script in it, on which every address stands', () => {
    const html = docsPage(document, '/assets/x/icon.svg');
    expect(html).not.toMatch(/<script|<style|<[^>]+\s(style|on\w+)=/);
    for (const [, target] of html.matchAll(/(?:href|src)="([^"]*)"/g)) expect(target).toMatch(/^[/#]\w/);
    for (const path of Object.keys(document.paths!)) expect(html).toContain(path.replaceAll('&', '&amp;'));
  });

  it('is what docs/API.md says', () => {
    const text = markdown();
    if (process.env.SLUICE_WRITE_DOCS) writeFileSync(FILE, text);
    expect(readFileSync(FILE, 'utf8')).toBe(text);
  });
});

function markdown(): string {
  const lines = [
    '# The JSON interface',
    '',
    'Made by a test from the document that every pool serves at `/api/openapi.json` and, as a page, at `/api/docs`. Do not edit.',
    '',
    document.info.description!,
    '',
    '- Errors are problems of RFC 9457: `type` to branch on ([ERRORS.md](ERRORS.md)), `hint` for people. An unknown or repeated parameter is one.',
    '- Lists come page by page: `next` goes into `cursor` of the next request.',
    '- A client has 600 requests a minute and 300 at once; `429` says when to come again. Clients behind a proxy on the same machine are told apart by `x-forwarded-for`; a proxy elsewhere, and one that names nobody, is one client or none: limit there.',
    '- Figures of miners come from memory, which is read from the database every 10 s: 2 kB a worker that worked today (200,000 at most), 300 bytes an account. While the database is away they stay as they were, and say of when they are.',
    '',
  ];
  for (const { name, description } of document.tags!) {
    lines.push(`## ${name}`, '', `${description}.`, '');
    for (const [path, item] of Object.entries(document.paths!))
      for (const method of ['get', 'post'] as const) {
        const operation = item[method] as Operation | undefined;
        if (operation?.tags.includes(name)) lines.push(...operationLines(method, path, operation));
      }
  }
  lines.push('## Shapes', '');
  for (const [name, schema] of Object.entries(document.components!.schemas!))
    lines.push(`### ${name}`, '', '| field | is |', '|---|---|', ...fieldLines(schema as Schema, ''), '');
  return `${lines.join('\n').trimEnd()}\n`;
}

function operationLines(method: string, path: string, operation: Operation): string[] {
  const { summary, description, parameters = [], responses } = operation;
  const schema = Object.values(responses['200']?.content ?? {})[0]?.schema;
  const lines = [`### \`${method.toUpperCase()} ${path}\``, '', `${summary}.`, ''];
  if (description !== undefined) lines.push(`${description}.`, '');
  const asked = parameters
    .filter((one) => one.in === 'query')
    .map(({ name, description, schema: of }) => {
      return `\`${name}\` (${kindOf(of)}${description ? `; ${description}` : ''})`;
    });
  if (asked.length > 0) lines.push(`Asked: ${asked.join(', ')}.`, '');
  lines.push(
    `Answers: ${Object.entries(responses)
      .map(
        ([status, { description }]) =>
          `${status} ${status === '200' && schema ? kindOf(schema) : description}`,
      )
      .join('; ')}.`,
    '',
  );
  return lines;
}

function kindOf(schema: Schema): string {
  if (schema.$ref) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.enum) return schema.enum.map((one) => `\`${one}\``).join(' ');
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(' or ');
  if (schema.type === 'array') return `list of ${kindOf(schema.items ?? {})}`;
  if (schema.properties?.items && schema.properties.next)
    return `\`items\`: ${kindOf(schema.properties.items)}; \`next\``;
  if (schema.properties)
    return `object of ${Object.keys(schema.properties)
      .map((one) => `\`${one}\``)
      .join(', ')}`;
  if (typeof schema.additionalProperties === 'object')
    return `by name: ${kindOf(schema.additionalProperties)}`;
  return schema.type ?? 'anything';
}

/** Objects in objects as `outer.inner`. */
function fieldLines(schema: Schema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const whole = `${prefix}${name}`;
    if (field.properties) return fieldLines(field, `${whole}.`);
    if (field.items?.properties) return fieldLines(field.items, `${whole}[].`);
    return [
      `| \`${whole}\` | ${kindOf(field)}${field.description ? `. ${field.description}` : ''} |`.replaceAll(
        '| |',
        '|',
      ),
    ];
  });
}
