/** The OpenAPI document as a page: static HTML, no script, one style sheet of our own. Pure. */
import type { ApiDocument } from './openapi.ts';
import { escapeHtml } from './pages/element.ts';

export const DOCS_STYLE_PATH = '/api/docs.css';
export const DOCS_STYLE = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --link: #0b5c9e; --paper: #fff; --ink: #14201c; }
@media (prefers-color-scheme: dark) { :root { --link: #8cc4ff; --paper: #0b1411; --ink: #e8efec; } }
html { background: var(--paper); color: var(--ink); }
a { color: var(--link); }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; text-transform: capitalize; }
article { border-top: 1px solid #8886; padding: .5rem 0 1rem; }
h3 { font-size: 1rem; margin: .5rem 0; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, monospace; font-size: .875rem; }
/* Folded lines, not a box to scroll in: that would be out of reach of a keyboard. */
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; padding: .75rem; border: 1px solid #8884; border-radius: .375rem; }
summary { cursor: pointer; color: var(--link); }
table { border-collapse: collapse; width: 100%; }
td:first-child { width: 1%; }
td { overflow-wrap: anywhere; }
td:first-child code { white-space: nowrap; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8883; }
`;

interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
    readonly schema?: object;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: object }>> };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly description?: string;
        readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
      }
    >
  >;
}

/** @param icon its path among the pages' assets */
export function docsPage(document: ApiDocument, icon: string): string {
  const { info, tags = [], components } = document;
  const operations = operationsOf(document);
  const sections = tags.map(({ name, description }) => {
    const rows = operations.filter(({ operation }) => operation.tags?.includes(name));
    return `<section><h2 id="${escapeHtml(name)}">${escapeHtml(name)}</h2><p>${escapeHtml(description ?? '')}.</p>${rows.map(articleOf).join('')}</section>`;
  });
  const schemas = Object.entries(components?.schemas ?? {}).map(
    ([name, schema]) =>
      `<article id="${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${jsonOf(schema)}</article>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(info.title)} API ${escapeHtml(info.version)}</title><link rel="icon" href="${icon}" type="image/svg+xml"><link rel="stylesheet" href="${DOCS_STYLE_PATH}"></head>
<body><header><h1>${escapeHtml(info.title)} API ${escapeHtml(info.version)}</h1><p>${escapeHtml(info.description ?? '')}</p>
<p>For programs: <a href="/api/openapi.json">openapi.json</a></p></header>
<main>${sections.join('\n')}<section><h2 id="schemas">schemas</h2>${schemas.join('\n')}</section></main></body></html>
`;
}

function operationsOf(document: ApiDocument) {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    (['get', 'post'] as const).flatMap((method) => {
      const operation = item?.[method] as Operation | undefined;
      return operation ? [{ path, method, operation }] : [];
    }),
  );
}

function articleOf({ path, method, operation }: ReturnType<typeof operationsOf>[number]): string {
  const { summary = '', parameters = [], requestBody, responses } = operation;
  const answers = Object.entries(responses).map(([status, { description = '', content }]) => {
    const schema = status === '200' ? Object.values(content ?? {})[0]?.schema : undefined;
    return `<tr><td><code>${escapeHtml(status)}</code></td><td>${escapeHtml(description)}${schema ? jsonOf(schema) : ''}</td></tr>`;
  });
  const asked = parameters.map(
    ({ name, in: place, description = '', schema }) =>
      `<tr><td><code>${escapeHtml(name)}</code></td><td>${escapeHtml(place)}. ${escapeHtml(description)}${schema ? jsonOf(schema) : ''}</td></tr>`,
  );
  const body = Object.values(requestBody?.content ?? {})[0]?.schema;
  return `<article><h3><code>${method.toUpperCase()} ${escapeHtml(path)}</code></h3><p>${escapeHtml(summary)}.</p>${
    asked.length > 0 ? `<table><caption>Asked</caption>${asked.join('')}</table>` : ''
  }${body ? jsonOf(body) : ''}<table><caption>Answered</caption>${answers.join('')}</table></article>`;
}

/** Folded: all of them open are a hundred screens. References become links to the schemas below. */
function jsonOf(schema: object): string {
  const text = escapeHtml(JSON.stringify(schema, null, 2));
  const linked = text.replace(/#\/components\/schemas\/(\w+)/g, '<a href="#$1">$1</a>');
  return `<details><summary>Schema</summary><pre>${linked}</pre></details>`;
}
