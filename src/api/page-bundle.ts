/**
 * Many small modules as one script, so that a page asks once instead of twenty times. Pure: (entry, sources by name) -> source.
 *
 * It knows the few forms that our modules are written in, and refuses any other: named imports of a neighbour, named exports of
 * declarations. Each module becomes a function that returns its exports, in an order in which every one stands behind what it needs.
 */

const IMPORT = /^import \{([^}]*)\} from '\.\/([\w-]+)\.js';?\n/gm;
const EXPORT = /^export (?=(?:async function|function|class|const) (\w+))/gm;
const OTHER_FORM = /^(?:import|export)\b.*$/m;

export function bundleModules(entry: string, sources: ReadonlyMap<string, string>): string {
  const done = new Set<string>();
  const parts: string[] = [];
  const visit = (name: string): void => {
    if (done.has(name)) return;
    done.add(name);
    const source = sources.get(name);
    if (source === undefined) throw new Error(`pages import ${name}, which is not there`);
    for (const [, , target] of source.matchAll(IMPORT)) visit(`${target}.js`);
    parts.push(moduleText(name, source, name === entry));
  };
  visit(entry);
  return parts.join('');
}

function moduleText(name: string, source: string, isEntry: boolean): string {
  const exported = [...source.matchAll(EXPORT)].map((match) => match[1]!);
  const body = slim(source)
    .replace(IMPORT, (_, names: string, target: string) => {
      return `const {${names.replace(/\s+as\s+/g, ': ')}} = ${variableOf(`${target}.js`)};\n`;
    })
    .replace(EXPORT, '');
  const other = OTHER_FORM.exec(body);
  if (other) throw new Error(`${name}: "${other[0]}" is no form that bundles know`);
  if (isEntry) return `{\n${body}}\n`;
  return `const ${variableOf(name)} = (() => {\n${body}return { ${exported.join(', ')} };\n})();\n`;
}

function variableOf(name: string): string {
  return `$${name.replace(/\.js$/, '').replaceAll('-', '_')}`;
}

/** Comments are for who reads the source. Those behind code stay: what looks like one may stand in a string. */
function slim(source: string): string {
  return source.replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '').replace(/^\s*\/\/.*\n?/gm, '');
}
