/**
 * What a page is made of: plain trees. The server writes them as HTML, the browser fits the document to them (`browser/patch.js`),
 * so every number is drawn by one function on both sides. Text stays text on either way: it is escaped here and set as text there.
 */

export interface Element {
  readonly tag: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly children: readonly (Element | string)[];
}

export type Child = Element | string | number | undefined | null | false | readonly Child[];
type Attrs = Readonly<Record<string, string | number | boolean | undefined>>;

/** Attributes: true = there without a value, false and undefined = not there. Names are ours, never a visitor's. */
export function h(tag: string, attrs: Attrs | null, ...children: readonly Child[]): Element {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(attrs ?? {})) {
    if (value !== undefined && value !== false) kept[name] = value === true ? '' : String(value);
  }
  const flat: (Element | string)[] = [];
  append(flat, children);
  return { tag, attrs: kept, children: flat };
}

/** Neighbouring texts become one, as an HTML parser would make them: both sides must count the same children. */
function append(flat: (Element | string)[], children: readonly Child[]): void {
  for (const child of children) {
    if (child === undefined || child === null || child === false || child === '') continue;
    if (Array.isArray(child)) append(flat, child as readonly Child[]);
    else if (typeof child === 'object') flat.push(child as Element);
    else {
      const last = flat.length - 1;
      const text = String(child);
      if (typeof flat[last] === 'string') flat[last] += text;
      else flat.push(text);
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

const VOID = new Set(['br', 'col', 'hr', 'img', 'input', 'link', 'meta']);

export function toHtml(node: Element | string): string {
  if (typeof node === 'string') return escapeHtml(node);
  const attrs = Object.entries(node.attrs)
    .map(([name, value]) => (value === '' ? ` ${name}` : ` ${name}="${escapeHtml(value)}"`))
    .join('');
  if (VOID.has(node.tag)) return `<${node.tag}${attrs}>`;
  return `<${node.tag}${attrs}>${node.children.map(toHtml).join('')}</${node.tag}>`;
}
