/** What lies under deploy/ for Prometheus and Grafana, and which metrics there are, as the documents have them. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { projectPath } from '../../src/kit/project-root.ts';
import { listFiles } from './source-tree.ts';

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Expression {
  /** For the message of a test that fails. */
  readonly where: string;
  readonly expr: string;
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export const RUNBOOKS = 'docs/runbooks';
export const RULES_FILE = projectPath('deploy', 'prometheus', 'sluice.rules.yml');
export const RULE_TESTS_FILE = projectPath('deploy', 'prometheus', 'sluice.rules.test.yml');

export const read = (...path: string[]): string => readFileSync(projectPath(...path), 'utf8');

export function readRules(): Rule[] {
  const file = parse(readFileSync(RULES_FILE, 'utf8')) as { groups: { rules: Rule[] }[] };
  return file.groups.flatMap(({ rules }) => rules);
}

export function readPanels(): Expression[] {
  return listFiles('deploy/grafana/dashboards', (name) => name.endsWith('.json')).flatMap((path) => {
    const { panels } = JSON.parse(read(path)) as { panels: Panel[] };
    return panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({ where: `${path}, ${title}`, expr })),
    );
  });
}

/** Labels by metric: of engines and API from METRICS.md, which a test holds against a running one; of the payer from PAYOUTS.md. */
export function documentedMetrics(of?: 'engine' | 'payer'): Map<string, ReadonlySet<string>> {
  const engine = [
    ...read('docs', 'METRICS.md').matchAll(/^\| `(sluice_\w+)` \| (\w+) \| ([\w, ]*) \|/gm),
  ].map(
    ([, name, , labels]) => [name!, new Set(labels!.split(', ').filter((label) => label !== ''))] as const,
  );
  const payer = [...read('docs', 'PAYOUTS.md').matchAll(/^\| `(sluice_\w+)(?:\{(\w+)\})?` \|/gm)].map(
    ([, name, label]) => [name!, new Set(label === undefined ? [] : [label])] as const,
  );
  return new Map([...(of === 'payer' ? [] : engine), ...(of === 'engine' ? [] : payer)]);
}

/** The metrics that an expression names, each with the labels that it asks of it. */
export function namedMetrics(expr: string): { readonly name: string; readonly labels: readonly string[] }[] {
  return [
    ...expr.matchAll(/(?<![\w:$"])((?:sluice|node)_\w+|up|ALERTS|sluice:[\w:]+)\b(?:\{([^}]*)\})?/g),
  ].map(([, name, matchers = '']) => ({
    name: name!,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1]!),
  }));
}

/** Labels that an expression groups or matches by. */
export function groupedLabels(expr: string): string[] {
  return [...expr.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)].flatMap((match) =>
    match[1]!
      .split(',')
      .map((label) => label.trim())
      .filter((label) => label !== ''),
  );
}

/** A histogram is asked for by its parts. */
export function familyOf(name: string, known: ReadonlyMap<string, unknown>): string {
  return known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
}
