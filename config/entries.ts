/**
 * A configuration as a list of keys: what is in force, where it comes from, and what another one would change. Values are texts for
 * people; what could open something is not in them.
 */
import { LineCounter, parseDocument } from 'yaml';
import { type ReloadEffect, reloadRuleOf } from './reload-rules.ts';
import type { Config } from './schema.ts';

export interface ConfigEntry {
  /** e.g. `stratum.ports.0.port` */
  readonly key: string;
  readonly value: string;
  /** file:line, `default`, or `edge` for what an edge has of its own. */
  readonly source: string;
  readonly effect: ReloadEffect;
}

export interface ConfigChange {
  readonly key: string;
  /** `-` = was not there, or is not there any more. */
  readonly before: string;
  readonly after: string;
  readonly effect: ReloadEffect;
  readonly remark: string;
}

export interface ConfigText {
  readonly fileName: string;
  readonly text: string;
}

/** @param whole the configuration as the file has it; `config` may be an edge's part of it */
export function entriesOf(config: Config, whole: Config, { fileName, text }: ConfigText): ConfigEntry[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const inFile = leavesOf(whole);
  return [...leavesOf(config)].map(([key, value]) => {
    const path = key.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
    const node = document.getIn(path, true) as { range?: [number, number, number] } | undefined;
    const written = node?.range ? `${fileName}:${lines.linePos(node.range[0]).line}` : 'default';
    const source = inFile.get(key) === value ? written : 'edge';
    return { key, value: shown(value), source, effect: reloadRuleOf(key).effect };
  });
}

/** In the order of the keys. Empty: they are the same. */
export function changesBetween(before: Config, after: Config): ConfigChange[] {
  const old = leavesOf(before);
  const fresh = leavesOf(after);
  const keys = [...new Set([...old.keys(), ...fresh.keys()])].filter(
    (key) => old.get(key) !== fresh.get(key),
  );
  return keys.map((key) => {
    const rule = reloadRuleOf(key);
    // A port more or less is not a change of that port.
    const isAppliable = old.has(key) && fresh.has(key);
    return {
      key,
      before: textOf(old.get(key)),
      after: textOf(fresh.get(key)),
      effect: rule.effect === 'applied' && !isAppliable ? 'restart' : rule.effect,
      remark: rule.effect === 'applied' && !isAppliable ? 'at the next start' : rule.remark,
    };
  });
}

/** `running` with those changes of `wanted` that may be made while it runs: what is in force after a reload. */
export function withApplied(running: Config, wanted: Config): Config {
  const merged = structuredClone(running);
  for (const { key, effect } of changesBetween(running, wanted)) {
    if (effect !== 'applied') continue;
    const path = key.split('.');
    const last = path.pop()!;
    const parentOf = (config: Config): Record<string, unknown> =>
      path.reduce((at, part) => at[part] as Record<string, unknown>, config as Record<string, unknown>);
    parentOf(merged)[last] = parentOf(wanted)[last];
  }
  return merged;
}

/** Lists of plain values are one leaf, lists of objects many. Values as JSON, so that they compare. */
function leavesOf(value: unknown, path = '', leaves = new Map<string, string>()): Map<string, string> {
  const isObject = typeof value === 'object' && value !== null;
  if (!isObject || (Array.isArray(value) && !value.some((one) => typeof one === 'object'))) {
    if (value !== undefined) leaves.set(path, JSON.stringify(value));
    return leaves;
  }
  for (const [key, inner] of Object.entries(value)) leavesOf(inner, path ? `${path}.${key}` : key, leaves);
  return leaves;
}

function textOf(json: string | undefined): string {
  return json === undefined ? '-' : shown(json);
}

/** Of URLs neither user nor password nor what follows a question mark: any of them may open something. In doubt nothing is shown. */
function shown(json: string): string {
  return json.replace(/([a-z][a-z0-9+.-]*:\/\/)([^"\s]*)/gi, (whole, scheme: string, rest: string) => {
    const at = rest.lastIndexOf('@');
    const mark = rest.indexOf('?');
    if (at < 0 && mark < 0) return whole;
    if (at >= 0 && mark >= 0) return `${scheme}[secret]`;
    return at >= 0 ? `${scheme}[secret]${rest.slice(at)}` : `${scheme}${rest.slice(0, mark)}?[secret]`;
  });
}
