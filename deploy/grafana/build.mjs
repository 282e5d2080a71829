/**
 * The dashboards of Sluice as Grafana reads them: `node deploy/grafana/build.mjs` writes dashboards/*.json beside itself. A test holds the files
 * against this, and every metric against the panels.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COLUMNS = 24;
const HEIGHT = 8;
/** All engines that are chosen above. */
const ENGINE = 'job=~"$job", instance=~"$instance"';
const PROCESSES = '__name__=~"sluice_build_info|sluice_api_live_clients"';
const SOURCE = { type: 'prometheus', uid: '$datasource' };

/** What one line of a panel shows. `{}` in it stands for the chosen engines; legend: a template of Grafana. */
const line = (expr, legend = '{{instance}}') => ({ expr: expr.replaceAll('{}', `{${ENGINE}}`), legend });
/** With a matcher of its own besides. */
const where = (expr, matcher, legend) => line(expr.replaceAll('{}', `{${ENGINE}, ${matcher}}`), legend);
const rate = (metric, legend, by = 'instance') =>
  line(`sum by (${by}) (rate(${metric}{}[$__rate_interval]))`, legend ?? `{{${by}}}`);
const quantile = (q, metric, by = '') =>
  line(
    `histogram_quantile(${q}, sum by (le${by === '' ? '' : `, ${by}`}) (rate(${metric}_bucket{}[$__rate_interval])))`,
    by === '' ? `p${q * 100}` : `{{${by}}} p${q * 100}`,
  );

const panel = (title, unit, lines, more = {}) => ({
  title,
  unit,
  lines,
  type: 'timeseries',
  width: 8,
  ...more,
});
const stat = (title, unit, lines, more = {}) =>
  panel(title, unit, lines, { type: 'stat', width: 4, height: 4, ...more });
const heatmap = (title, metric, more = {}) =>
  panel(title, 's', [line(`sum by (le) (increase(${metric}_bucket{}[$__interval]))`, '{{le}}')], {
    type: 'heatmap',
    width: 12,
    ...more,
  });
const row = (title) => ({ type: 'row', title, width: COLUMNS, height: 1 });
const red = (from) => ({
  thresholds: [
    { color: 'green', value: null },
    { color: 'red', value: from },
  ],
});
const redBelow = (from) => ({
  thresholds: [
    { color: 'red', value: null },
    { color: 'green', value: from },
  ],
});

export const DASHBOARDS = [
  {
    uid: 'sluice-overview',
    title: 'Sluice: overview',
    panels: [
      stat('Engines that answer', 'short', [line('sum(up{})', 'up')], redBelow(1)),
      stat('Hashrate', 'H/s', [
        line('sum(rate(sluice_validation_credited_difficulty_total{}[10m])) * 2 ^ 32', 'hashrate'),
      ]),
      stat('Miners', 'short', [line('sum(sluice_stratum_authorized{})', 'authorized')]),
      stat(
        'Refused',
        'percentunit',
        [
          line(
            `sum(rate(sluice_validation_submissions_total{${ENGINE}, verdict!~"share|block"}[10m])) / sum(rate(sluice_validation_submissions_total{}[10m]))`,
            'refused',
          ),
        ],
        red(0.05),
      ),
      stat('Template age', 's', [line('max(sluice_templates_age_seconds{})', 'age')], red(5)),
      stat('Halts of payouts', 'short', [line('max(sluice_payer_halts)', 'halts')], red(1)),
      stat('Journal', 'short', [line('min(sluice_journal_available{})', 'available')], redBelow(1)),
      stat('Database', 'short', [line('min(sluice_ledger_database_up{})', 'up')], redBelow(1)),
      stat('Loader lag', 's', [line('max(sluice_ledger_loader_lag_seconds{})', 'lag')], red(30)),
      stat('Answer p99', 's', [quantile(0.99, 'sluice_validation_accept_seconds')], red(0.5)),
      stat('Loop p99', 's', [quantile(0.99, 'sluice_process_loop_delay_seconds')], red(0.1)),
      stat(
        'Alerts',
        'short',
        [line('count(ALERTS{alertstate="firing", alertname=~"Sluice.+"}) or vector(0)', 'firing')],
        red(1),
      ),
      panel('Hashrate by engine', 'H/s', [
        line('sum by (instance) (rate(sluice_validation_credited_difficulty_total{}[10m])) * 2 ^ 32'),
      ]),
      panel('Submissions a second, by verdict', 'ops', [
        rate('sluice_validation_submissions_total', undefined, 'verdict'),
      ]),
      panel('Miners and connections', 'short', [
        line('sum by (port) (sluice_stratum_authorized{})', '{{port}} authorized'),
        line('sum by (port) (sluice_stratum_connections{})', '{{port}} connections'),
      ]),
      panel('Connections ended, by reason', 'ops', [
        rate('sluice_stratum_closes_total', undefined, 'reason'),
      ]),
      panel('New connections', 'ops', [
        rate('sluice_stratum_connections_total', '{{instance}} taken'),
        rate('sluice_stratum_accept_errors_total', '{{instance}} not given'),
        rate('sluice_stratum_proxy_refused_total', '{{reason}}', 'reason'),
      ]),
      panel('Pages', 'ops', [
        rate('sluice_api_responses_total', undefined, 'status'),
        line('sum(sluice_api_live_clients{})', 'live sockets'),
        rate('sluice_api_live_dropped_total', '{{instance}} live dropped'),
      ]),
      panel('Live feed', 'short', [
        line('sluice_live_readers{}', '{{instance}} readers'),
        rate('sluice_live_cut_total', '{{instance}} did not read'),
        rate('sluice_live_faults_total', '{{instance}} at fault'),
      ]),
      row('Process'),
      panel('Threads: part of a core', 'percentunit', [
        rate('sluice_process_thread_busy_seconds_total', '{{instance}} {{thread}}', 'instance, thread'),
        rate('sluice_process_cpu_seconds_total', '{{instance}} CPU'),
      ]),
      panel('Memory', 'bytes', [
        line('sluice_process_resident_bytes{}', '{{instance}} resident'),
        line('sluice_process_heap_used_bytes{}', '{{instance}} heap'),
      ]),
      panel('Open files', 'short', [
        line('sluice_process_open_files{}'),
        line('sluice_process_open_files_max{}', '{{instance}} limit'),
      ]),
      panel('Garbage collection', 's', [
        rate('sluice_process_gc_pause_seconds_total', '{{kind}} stopped', 'kind'),
        line(
          'sum by (kind) (rate(sluice_process_gc_pause_seconds_total{}[5m])) / sum by (kind) (rate(sluice_process_gc_pauses_total{}[5m]))',
          '{{kind}} each',
        ),
      ]),
      panel('What runs', 'short', [
        line('sluice_build_info{}', '{{instance}} {{version}}, Node {{node}}, {{engine}}'),
        line('count(count_values("hash", sluice_config_hash{}))', 'different configurations'),
      ]),
      panel('Certificates end in', 's', [
        line('sluice_stratum_certificate_expiry_timestamp_seconds{} - time()', '{{instance}} {{port}}'),
      ]),
    ],
  },
  {
    uid: 'sluice-shares',
    title: 'Sluice: shares and latency',
    panels: [
      panel('From reading a share to its answer', 's', [
        quantile(0.5, 'sluice_validation_accept_seconds'),
        quantile(0.99, 'sluice_validation_accept_seconds'),
        quantile(0.999, 'sluice_validation_accept_seconds'),
      ]),
      panel('Stages, p50', 's', [quantile(0.5, 'sluice_stage_seconds', 'stage')]),
      panel('Stages, p99', 's', [quantile(0.99, 'sluice_stage_seconds', 'stage')]),
      heatmap('Answers', 'sluice_validation_accept_seconds'),
      heatmap('Delay of the main thread', 'sluice_process_loop_delay_seconds'),
      row('Journal and loader'),
      panel('fdatasync', 's', [
        quantile(0.5, 'sluice_journal_fdatasync_seconds'),
        quantile(0.99, 'sluice_journal_fdatasync_seconds'),
      ]),
      panel('Journal', 'ops', [
        rate('sluice_journal_records_total', '{{instance}} records'),
        rate('sluice_journal_commits_total', '{{instance}} commits'),
        rate('sluice_journal_failures_total', '{{instance}} failures'),
      ]),
      panel('Bytes into the journal', 'Bps', [rate('sluice_journal_bytes_total')]),
      panel('Waiting', 'short', [
        line('sluice_journal_waiting_records{}', '{{instance}} records for the disk'),
        line('sluice_validation_waiting_shares{}', '{{instance}} answers for the journal'),
        line('sluice_stratum_sessions_lingering{}', '{{instance}} closed sessions'),
      ]),
      panel('Fill of the ring', 'percentunit', [line('sluice_journal_ring_fill_ratio{}')]),
      panel("The journal's disk", 'bytes', [
        line('sluice_journal_disk_free_bytes{}', '{{instance}} free'),
        line('sluice_journal_disk_bytes{}', '{{instance}} size'),
      ]),
      panel('Loader lag', 's', [line('sluice_ledger_loader_lag_seconds{}')]),
      panel('Loader', 'ops', [
        line('sluice_ledger_loader_rows_per_second{}', '{{instance}} rows a second'),
        rate('sluice_ledger_loaded_records_total', '{{instance}} records'),
        line('sluice_ledger_loader_lag_records{}', '{{instance}} records behind'),
      ]),
      panel('Loader: state', 'short', [
        where('sluice_ledger_loader_state{} == 1', 'state!="running"', '{{instance}} {{state}}'),
        line('sluice_ledger_loader_restarts{}', '{{instance}} restarts'),
        line('sum by (instance, kind) (sluice_ledger_lost_records{})', '{{instance}} lost: {{kind}}'),
      ]),
      panel('Segments', 'short', [
        line('sluice_journal_segment_number{}', '{{instance}} written'),
        line('sluice_ledger_loader_position_segment{}', '{{instance}} loaded'),
      ]),
      row('Judging'),
      panel('Batches', 'ops', [
        rate('sluice_validation_inline_batches', '{{instance}} main thread'),
        rate('sluice_validation_thread_batches', '{{instance}} threads'),
        rate('sluice_validation_threads_replaced', '{{instance}} lost their thread'),
      ]),
      panel('Free batches', 'short', [line('sluice_validation_free_batches{}')]),
      panel('Rescue', 'ops', [
        rate('sluice_validation_rescued_total', '{{instance}} shares'),
        rate('sluice_validation_rescue_hashes_total', '{{instance}} hashes'),
      ]),
      row('Sockets'),
      panel('Bytes', 'Bps', [
        rate('sluice_stratum_received_bytes_total', '{{instance}} in'),
        rate('sluice_stratum_sent_bytes_total', '{{instance}} out'),
      ]),
      panel('Lines', 'ops', [rate('sluice_stratum_lines_total', undefined, 'path')]),
      panel('Answers, by code', 'ops', [rate('sluice_stratum_replies_total', undefined, 'code')]),
      panel('Jobs', 'ops', [
        rate('sluice_stratum_jobs_sent_total', '{{instance}} sent'),
        rate('sluice_stratum_jobs_skipped_total', '{{instance}} skipped'),
        rate('sluice_stratum_jobs_overtaken_total', '{{instance}} overtaken'),
      ]),
      panel('Held back', 'ops', [
        rate('sluice_stratum_reading_held_total', '{{instance}} validation full'),
        rate('sluice_stratum_lines_held_back_total', '{{instance}} too many lines'),
      ]),
      panel('Odd submissions', 'ops', [
        rate('sluice_stratum_foreign_extranonce_total', '{{instance}} foreign extranonce'),
        rate('sluice_stratum_foreign_login_total', '{{instance}} foreign login'),
      ]),
      panel('Retargets', 'ops', [rate('sluice_stratum_retargets_total', undefined, 'direction')]),
      panel('Tables', 'short', [
        line('sluice_stratum_extranonces_free{}', '{{instance}} extranonces free'),
        line('sluice_stratum_addresses_known{}', '{{instance}} visitors known'),
        line('sluice_journal_worker_names{}', '{{instance}} worker names'),
      ]),
    ],
  },
  {
    uid: 'sluice-blocks',
    title: 'Sluice: nodes and blocks',
    panels: [
      panel('Template age', 's', [
        line('sluice_templates_age_seconds{}', '{{instance}}'),
        line('sluice_chains_node_template_age_seconds{}', '{{instance}} {{node}}'),
      ]),
      panel('Templates a second', 'ops', [rate('sluice_templates_received_total')]),
      panel('Nodes behind the furthest', 'short', [
        line('sluice_chains_node_lag_daa{}', '{{instance}} {{node}}'),
      ]),
      panel('Nodes: connected, synced', 'short', [
        line('sluice_chains_node_connected{} + sluice_chains_node_synced{}', '{{instance}} {{node}}'),
      ]),
      panel('Difficulty of the network', 'short', [line('sluice_templates_network_difficulty{}')]),
      panel('Blocks expected and found in 24 hours', 'short', [
        line(
          'sum(increase(sluice_validation_credited_difficulty_total{}[24h])) / avg(avg_over_time(sluice_templates_network_difficulty{}[24h]))',
          'expected',
        ),
        line('sum(increase(sluice_validation_blocks_found_total{}[24h]))', 'found'),
      ]),
      panel('Blocks since the start, by what became of them', 'short', [
        line('sum by (outcome) (sluice_ledger_blocks{})', '{{outcome}}'),
      ]),
      panel('Red', 'percentunit', [
        line(
          `sum(delta(sluice_ledger_blocks{${ENGINE}, outcome="red"}[6h])) / sum(delta(sluice_ledger_blocks{${ENGINE}, outcome=~"red|blue"}[6h]))`,
          'red of 6 hours',
        ),
      ]),
      panel('From finding a block to the first node', 's', [
        quantile(0.5, 'sluice_ledger_block_submit_seconds'),
        quantile(0.9, 'sluice_ledger_block_submit_seconds'),
      ]),
      panel('Under way', 'short', [
        line('sluice_ledger_blocks_following{}', '{{instance}} fate not final'),
        line('sluice_ledger_blocks_unsaved{}', '{{instance}} not in the database'),
      ]),
      stat(
        'Kernel disagreements',
        'short',
        [line('sum(sluice_validation_kernel_disagreements_total{})', 'ever')],
        red(1),
      ),
    ],
  },
  {
    uid: 'sluice-money',
    title: 'Sluice: money',
    // The payer's figures come through node_exporter, whose job and instance are not the engines'.
    panels: [
      stat('Lead', 'short', [line('max(sluice_payer_epoch)', 'epoch')], redBelow(1)),
      stat('Halts', 'short', [line('max(sluice_payer_halts)', 'halts')], red(1)),
      stat('Faults', 'short', [line('max(sluice_payer_faults)', 'faults')], red(1)),
      stat('Broken laws', 'short', [line('sum(sluice_audit_violations_total)', 'rows')], red(1)),
      stat('Last full audit', 's', [line('max(sluice_audit_full_age_seconds)', 'age')], red(90_000)),
      stat('Reserve', 'short', [line('max(sluice_ledger_reserve_kas)', 'KAS')]),
      panel('Payouts on their way', 'short', [
        line('sum by (state) (sluice_payer_payouts_live)', '{{state}}'),
      ]),
      panel('Steps of payouts', 'ops', [
        line('sum by (state) (increase(sluice_payer_steps_total[1h]))', '{{state}} an hour'),
      ]),
      panel('Duties: since they last went well', 's', [
        line('time() - max by (duty) (sluice_payer_duty_ok_timestamp_seconds > 0)', '{{duty}}'),
      ]),
      panel('Settlements', 'short', [
        line('max(sluice_ledger_settlements)', 'since the lead was taken'),
        line('max(sluice_ledger_settlements_waiting)', 'pots that wait'),
        line('max(sluice_ledger_settlements_halted)', 'halted'),
      ]),
      panel('Reserve', 'short', [
        line('max(sluice_ledger_reserve_kas)', 'KAS'),
        line('max(sluice_ledger_pps_paused)', 'pots paused'),
      ]),
      panel('Broken laws', 'short', [
        line('sum by (invariant) (sluice_audit_violations_total) > 0', '{{invariant}}'),
      ]),
    ],
  },
];

const variable = (name, query) => ({
  name,
  type: 'query',
  datasource: SOURCE,
  query,
  includeAll: true,
  multi: true,
  current: { text: 'All', value: '$__all' },
  refresh: 2,
});

function grafana({ uid, title, panels }) {
  let x = 0;
  let y = 0;
  let tallest = 0;
  const placed = panels.map((one, index) => {
    const { width, height = HEIGHT } = one;
    if (x + width > COLUMNS) {
      x = 0;
      y += tallest;
      tallest = 0;
    }
    const gridPos = { x, y, w: width, h: height };
    x += width;
    tallest = Math.max(tallest, height);
    return { id: index + 1, gridPos, ...contentOf(one) };
  });
  return {
    uid,
    title,
    tags: ['sluice'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus' },
        // Engines, and `sluice api` where pages have a process of their own.
        variable('job', `label_values({${PROCESSES}}, job)`),
        variable('instance', `label_values({${PROCESSES}, job=~"$job"}, instance)`),
      ],
    },
    links: [{ type: 'dashboards', title: 'Sluice', tags: ['sluice'], asDropdown: true }],
    panels: placed,
  };
}

function contentOf({ type, title, unit, lines, thresholds }) {
  if (type === 'row') return { type, title, collapsed: false, panels: [] };
  const steps = thresholds ?? [{ color: 'green', value: null }];
  return {
    type,
    title,
    datasource: SOURCE,
    fieldConfig: { defaults: { unit, thresholds: { mode: 'absolute', steps } }, overrides: [] },
    ...(type === 'heatmap' ? { options: { calculate: false, yAxis: { unit } } } : {}),
    targets: lines.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: SOURCE,
      expr,
      legendFormat: legend,
      ...(type === 'heatmap' ? { format: 'heatmap' } : {}),
    })),
  };
}

/** By file name: what lies in dashboards/. */
export function dashboardFiles() {
  return Object.fromEntries(
    DASHBOARDS.map((dashboard) => [
      `${dashboard.uid}.json`,
      `${JSON.stringify(grafana(dashboard), undefined, 2)}\n`,
    ]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = join(dirname(process.argv[1]), 'dashboards');
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries(dashboardFiles())) writeFileSync(join(folder, name), text);
}
