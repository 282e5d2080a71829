import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePortNear } from '../../src/app/demo-plan.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { pollUntil } from '../kit/poll-until.ts';
import { PoolRig } from '../kit/pool-rig.ts';
import { type ThrowawayCertificate, throwawayCertificate } from '../kit/throwaway-certificate.ts';

/**
 * `docs/METRICS.md` is what a running engine exports, no more and no less. `SLUICE_WRITE_DOCS=1` rewrites the file.
 * Process figures of Node itself (`process_*`, `nodejs_*`) are prom-client's and described there.
 */
const FILE = projectPath('docs', 'METRICS.md');

let rig: PoolRig;
let certificate: ThrowawayCertificate;

beforeAll(async () => {
  certificate = throwawayCertificate();
  const { certFile, keyFile } = certificate;
  rig = await PoolRig.open({
    difficultyLog2: -16,
    networkDifficultyLog2: 10,
    // With a port that speaks TLS there is a metric more.
    morePorts: [{ port: await freePortNear(0), difficulty: 1, tls: { certFile, keyFile } }],
  });
  await rig.startEngine().ready;
}, 60_000);

afterAll(async () => {
  await rig.close();
  certificate.remove();
});

async function scrape(): Promise<string> {
  const response = await fetch(`${rig.httpUrl}/metrics`);
  return response.ok ? await response.text() : '';
}

function describedMetrics(text: string): { name: string; type: string; help: string; labels: string[] }[] {
  const lines = text.split('\n');
  const helps = new Map<string, string>();
  const found: { name: string; type: string; help: string; labels: string[] }[] = [];
  for (const line of lines) {
    const help = /^# HELP (\S+) (.*)$/.exec(line);
    if (help) helps.set(help[1]!, help[2]!);
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (!type?.[1]?.startsWith('sluice_')) continue;
    const name = type[1];
    const labels = new Set<string>();
    const samplesOf = new RegExp(`^${name}(_bucket|_sum|_count)?\\{`);
    for (const sample of lines.filter((one) => samplesOf.test(one))) {
      for (const label of sample
        .slice(sample.indexOf('{') + 1, sample.lastIndexOf('}'))
        .matchAll(/(\w+)="/g)) {
        if (label[1] !== 'le') labels.add(label[1]!);
      }
    }
    found.push({ name, type: type[2]!, help: helps.get(name) ?? '', labels: [...labels] });
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function page(metrics: ReturnType<typeof describedMetrics>): string {
  const rows = metrics.map(
    ({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`,
  );
  return [
    '# Metrics',
    '',
    '`GET /metrics`, Prometheus text format. Series are bounded: labels take only values that are declared when the engine starts, never an',
    'address or a worker. Beside these stand the process figures of Node (`process_*`, `nodejs_*`). Written by a test from a running engine.',
    "Dashboards and alerts are in `deploy/grafana` and `deploy/prometheus`, the payer's figures in [PAYOUTS.md](PAYOUTS.md).",
    '',
    '| metric | type | labels | meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

describe('the metrics', () => {
  it('are documented exactly as a running engine exports them', async () => {
    // The loader's figures come with the first answer of the database.
    await pollUntil('the loader exports', async () => (await scrape()).includes('sluice_ledger_'), 20_000);
    await pollUntil(
      'the loader runs',
      async () => (await scrape()).includes('sluice_ledger_loader_lag_records'),
      20_000,
    );
    const written = page(describedMetrics(await scrape()));
    if (process.env.SLUICE_WRITE_DOCS === '1') writeFileSync(FILE, written);
    expect(readFileSync(FILE, 'utf8')).toBe(written);
  });

  it('have a help text each, and a number of series that does not depend on miners', async () => {
    const text = await scrape();
    for (const metric of describedMetrics(text)) expect(metric.help, metric.name).not.toBe('');
    expect(text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length).toBeLessThan(500);
  });
});
