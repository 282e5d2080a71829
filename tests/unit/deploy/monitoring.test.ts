import { execFileSync, spawnSync } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectFileUrl } from '../../../src/kit/project-root.ts';
import { REASONS } from '../../../src/live/verdict.ts';
import {
  documentedMetrics,
  familyOf,
  groupedLabels,
  namedMetrics,
  RULE_TESTS_FILE,
  RULES_FILE,
  RUNBOOKS,
  read,
  readPanels,
  readRules,
} from '../../kit/monitoring-files.ts';
import { listFiles, readSources } from '../../kit/source-tree.ts';

/** On no dashboard, and why. */
const NOT_SHOWN: Readonly<Record<string, string>> = {};

/** Not ours: Prometheus' own and node_exporter's. */
const FOREIGN = new Set([
  'up',
  'ALERTS',
  'node_systemd_timer_last_trigger_seconds',
  'node_systemd_unit_state',
]);
/** Prometheus gives every series these; `le` is every histogram's, `hash` what count_values makes. */
const EVERYWHERE = new Set(['job', 'instance', 'le', 'hash']);
const SECTIONS = ['What it means', 'What it costs', 'Look', 'Do', 'Wake somebody?'];

const known = documentedMetrics();
const rules = readRules();
const alerts = rules.filter((rule) => rule.alert !== undefined);
const recorded = new Set(rules.map((rule) => rule.record));
const panels = readPanels();
const expressions = [
  ...panels,
  ...rules.map(({ alert, record, expr }) => ({ where: alert ?? record ?? '', expr })),
];

const pageOf = (alert: string): string =>
  alert
    .slice('Sluice'.length)
    .replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`)
    .toLowerCase();

describe('dashboards and alerts', () => {
  it('are about metrics that exist, with labels that they have', () => {
    const faults = expressions.flatMap(({ where, expr }) => {
      const named = namedMetrics(expr);
      const labels = new Set(EVERYWHERE);
      const unknown = named.flatMap(({ name, labels: asked }) => {
        if (FOREIGN.has(name) || recorded.has(name)) return [];
        const has = known.get(familyOf(name, known));
        if (has === undefined) return [`${where}: there is no ${name}`];
        for (const label of has) labels.add(label);
        return asked
          .filter((label) => !has.has(label) && !EVERYWHERE.has(label))
          .map((label) => `${where}: ${name} has no label ${label}`);
      });
      const grouped = groupedLabels(expr).filter((label) => !labels.has(label));
      const nothing = named.length === 0 ? [`${where}: names no metric`] : [];
      return [
        ...unknown,
        ...nothing,
        ...grouped.map((label) => `${where}: nothing there has a label ${label}`),
      ];
    });
    expect(faults).toEqual([]);
  });

  it('leave no metric out, but those with a reason', () => {
    const shown = new Set(
      panels.flatMap(({ expr }) => namedMetrics(expr)).map(({ name }) => familyOf(name, known)),
    );
    const forgotten = [...known.keys()].filter((name) => !shown.has(name) && !(name in NOT_SHOWN));
    expect(forgotten).toEqual([]);
    expect(Object.keys(NOT_SHOWN).filter((name) => shown.has(name) || !known.has(name))).toEqual([]);
    expect(known.size).toBeGreaterThan(80);
  });

  it('have dashboards that are what their program writes', async () => {
    const { dashboardFiles } = (await import(projectFileUrl('deploy', 'grafana', 'build.mjs').href)) as {
      dashboardFiles: () => Record<string, string>;
    };
    const written = Object.entries(dashboardFiles());
    for (const [name, text] of written)
      expect(read('deploy', 'grafana', 'dashboards', name), name).toBe(text);
    expect(listFiles('deploy/grafana/dashboards', () => true)).toHaveLength(written.length);
  });
});

describe('the alerts', () => {
  it('have a page each, and each page has its alert', () => {
    const pages = listFiles(RUNBOOKS, (name) => name !== 'README.md').map((path) => basename(path, '.md'));
    expect(alerts.map(({ alert }) => pageOf(alert!)).sort()).toEqual(pages);
    const index = read(RUNBOOKS, 'README.md');
    for (const { alert, annotations, labels } of alerts) {
      const page = pageOf(alert!);
      expect(annotations!.runbook_url, alert).toBe(`${RUNBOOKS}/${page}.md`);
      const text = read(RUNBOOKS, `${page}.md`);
      expect(text).toContain(`\`${alert}\`, ${labels!.severity}.`);
      expect(
        [...text.matchAll(/^## (.+)$/gm)].map((match) => match[1]),
        page,
      ).toEqual(SECTIONS);
      expect(index).toContain(`(${page}.md) | \`${alert}\` | ${labels!.severity} |`);
    }
  });

  it('say how long, how bad, and what it is in words', () => {
    for (const { alert, for: patience, labels, annotations } of alerts) {
      expect(alert).toMatch(/^Sluice[A-Z]/);
      expect(patience, alert).toMatch(/^\d+[smh]$/);
      expect(['critical', 'warning'], alert).toContain(labels?.severity);
      expect(annotations?.summary, alert).toBeTruthy();
      expect(annotations?.description, alert).toBeTruthy();
    }
  });

  it('are each tried by a test of promtool', () => {
    const tests = read('deploy', 'prometheus', 'sluice.rules.test.yml');
    const untried = alerts.filter(({ alert }) => !tests.includes(`ALERTS{alertname="${alert}"`));
    expect(untried.map(({ alert }) => alert)).toEqual([]);
  });

  it('fire where they must and nowhere else, says promtool', ({ skip }) => {
    if (spawnSync('promtool', ['--version']).error) skip('promtool is not installed here');
    const folder = { cwd: dirname(RULES_FILE), encoding: 'utf8' } as const;
    expect(execFileSync('promtool', ['check', 'rules', RULES_FILE], folder)).toContain('SUCCESS');
    expect(execFileSync('promtool', ['check', 'config', 'prometheus.yml'], folder)).toContain('SUCCESS');
    expect(execFileSync('promtool', ['test', 'rules', RULE_TESTS_FILE], folder)).toContain('SUCCESS');
  });
});

describe('the runbooks', () => {
  it('have a page for every reason that the verdict can give', () => {
    const pages = listFiles(RUNBOOKS, () => true);
    const missing = Object.values(REASONS).filter(
      ({ runbook }) => !pages.includes(`${RUNBOOKS}/${runbook}.md`),
    );
    expect(missing).toEqual([]);
  });

  it('call only for commands of ours that exist', () => {
    // Verbs are made in several ways; each is a string that begins with its name.
    const verbs = new Set(
      readSources(['src/app'])
        .flatMap((file) => [...file.text.matchAll(/'([a-z]+)(?: [<[][^']*)?'/g)])
        .map((match) => match[1]!),
    );
    const called = listFiles(RUNBOOKS, () => true).flatMap((path) =>
      [...read(path).matchAll(/(?:^|`)sluice ([a-z]+)(?: ([a-z]+)(?![\w/=:.-]))?/gm)].flatMap(
        ([, verb, second]) =>
          [verb, second].filter((word) => word !== undefined).map((word) => ({ path, word })),
      ),
    );
    expect(called.filter(({ word }) => !verbs.has(word!))).toEqual([]);
    expect(called.length).toBeGreaterThan(50);
  });
});
