/**
 * What `sluice status` shows: the document of the operator's listener as lines for a terminal, in the order in which a tired person needs
 * them. Pure. Strangers' bytes come in with it, so nothing but printable characters goes out.
 */
import colours from 'picocolors';
import type { OperatorStatus } from '../api/operator/status-schema.ts';
import { difficultyText } from '../api/pages/format.ts';
import { kasOf } from '../domain/money.ts';
import type { VerdictState } from '../live/verdict.ts';
import { hashrateText } from './demo-screen.ts';

type EngineStatus = OperatorStatus['engines'][number];
type Row = readonly [name: string, text: string];

const PAINT: Readonly<Record<VerdictState, (text: string) => string>> = {
  OK: colours.green,
  DEGRADED: colours.yellow,
  DOWN: colours.red,
};
const NAME_WIDTH = 11;
const AGENTS_SHOWN = 8;
const ROWS_SHOWN = 5;
const TEXT_MAX = 120;
const MIB = 1_048_576;

export function statusText(status: OperatorStatus): string {
  const { verdict, service, engines, books } = status;
  const paint = PAINT[verdict.state];
  const up = durationText((Date.parse(status.at) - Date.parse(service.startedAt)) / 1000);
  const head = `${colours.bold(paint(verdict.state))}  Sluice ${service.version}, ${service.network}, ${service.role} process ${service.pid}, up ${up}`;
  const reasons = verdict.reasons.map(
    ({ makes, text, runbook }) =>
      `  ${PAINT[makes](plain(text))}  ${colours.dim(`docs/runbooks/${runbook}.md`)}`,
  );
  const several = engines.length > 1;
  const ofEngines = engines.flatMap((engine) => [
    ...(several ? ['', colours.bold(plain(engine.instance))] : []),
    ...rowsText(engineRows(engine)),
  ]);
  return [
    head,
    ...reasons,
    '',
    ...ofEngines,
    ...(books ? rowsText(booksRows(books)) : []),
    ...rowsText(tailRows(status)),
    '',
  ].join('\n');
}

/** Where no terminal redraws it. */
export function statusLine({ at, verdict, engines, books }: OperatorStatus): string {
  const sum = (pick: (engine: EngineStatus) => number): number =>
    engines.reduce((total, one) => total + pick(one), 0);
  return [
    `${at}  ${verdict.state}`,
    `miners ${sum(({ snapshot }) => snapshot.miners)}`,
    `hashrate ${hashrateText(sum(({ snapshot }) => snapshot.hashrate.m1))}`,
    `accepted ${sum(({ snapshot }) => snapshot.shares.accepted)}`,
    `loader ${Math.max(0, ...engines.map(({ snapshot }) => snapshot.database.lagSeconds)).toFixed(1)} s behind`,
    ...(books ? [`owed ${kasOf(BigInt(books.totals.owedSompi))} KAS`] : []),
    ...verdict.reasons.map(({ text }) => plain(text)),
  ].join('  ');
}

function engineRows({ snapshot, inside, ageSeconds }: EngineStatus): Row[] {
  const { journal, database, shares, blocks } = snapshot;
  const rejected = Object.entries(shares.rejected).filter(([, count]) => count > 0);
  return [
    ...snapshot.nodes.map(
      (node): Row => [
        'node',
        `${plain(node.name)}: ${node.connected ? (node.synced ? 'synced' : 'not synced') : 'not connected'}, DAA ${node.daaScore}, template ${node.lastTemplateAgeMs < 0 ? 'never' : `${node.lastTemplateAgeMs} ms ago`}${node.fault === '' ? '' : `, ${plain(node.fault)}`}`,
      ],
    ),
    [
      'templates',
      `${inside.templates.stalled ? 'STALLED' : 'coming'}, ${inside.templates.lastMinute} in the last minute`,
    ],
    ...snapshot.ports.map(
      (port): Row => [
        'port',
        `${plain(port.url)}  difficulty ${difficultyText(port.difficulty).replaceAll('\u00a0', ' ')}  ${port.connections} connections`,
      ],
    ),
    [
      'miners',
      `${snapshot.miners} with ${snapshot.workers} workers, ${hashrateText(snapshot.hashrate.m1)}; 10 min ${hashrateText(snapshot.hashrate.m10)}`,
    ],
    [
      'shares',
      `${shares.accepted} accepted${rejected.map(([label, count]) => `, ${label} ${count}`).join('')}`,
    ],
    ...inside.stages.map(
      (stage): Row => [
        stage.stage,
        `p50 ${ms(stage.p50Ms)}  p99 ${ms(stage.p99Ms)}  p99.9 ${ms(stage.p999Ms)}  max ${ms(stage.maxMs)}  (${stage.count})`,
      ],
    ),
    ...(inside.threads.length > 0
      ? [
          [
            'threads',
            inside.threads
              .map(({ name, utilisation }) => `${plain(name)} ${Math.round(100 * utilisation)} %`)
              .join(', '),
          ] as const,
        ]
      : []),
    [
      'journal',
      `${journal.state}, ${journal.appended - journal.durable} records not on disk yet, ring ${Math.round(100 * inside.journalFillRatio)} % full${journal.fault === '' ? '' : `, ${plain(journal.fault)}`}`,
    ],
    [
      'loader',
      `${database.state}, ${database.lagRecords} records and ${database.lagSeconds.toFixed(1)} s behind${database.fault === '' ? '' : `, ${plain(database.fault)}`}`,
    ],
    [
      'blocks',
      `${blocks.found} found, ${blocks.accepted} accepted, ${blocks.refused} refused, ${blocks.blue} blue, ${blocks.red} red`,
    ],
    ...strangerRows(inside),
    [
      'process',
      `${Math.round(inside.process.rssBytes / MIB)} MiB, loop p99 ${ms(inside.loop.delayP99Ms)} and ${Math.round(100 * inside.loop.utilisation)} % busy, ${inside.process.openFiles} of ${inside.process.openFilesMax} files, told ${ageSeconds} s ago`,
    ],
    ...inside.warnings
      .slice(-ROWS_SHOWN)
      .map((one): Row => [plain(one.level), `${one.at}  ${plain(one.text)}`]),
  ];
}

function strangerRows(inside: EngineStatus['inside']): Row[] {
  return [
    ...inside.agents
      .slice(0, AGENTS_SHOWN)
      .map((one): Row => ['agent', `${one.connections} x ${plain(one.agent) || '(none)'}, ${one.dialect}`]),
    ...inside.unknownHandshakes
      .slice(-ROWS_SHOWN)
      .map((one): Row => ['unknown', `${plain(one.agent)}: ${one.lines.map(plain).join(' ')}`]),
    ...inside.slowReaders
      .slice(0, ROWS_SHOWN)
      .map(
        (one): Row => [
          'slow',
          `${one.remoteAddress} ${plain(one.worker)}: ${one.unsentBytes} bytes unread for ${Math.round(one.seconds)} s`,
        ],
      ),
    ...inside.bans
      .slice(0, ROWS_SHOWN)
      .map((one): Row => ['ban', `${plain(one.network)} until ${one.until || 'ever'}: ${plain(one.reason)}`]),
  ];
}

function booksRows(books: NonNullable<OperatorStatus['books']>): Row[] {
  const { payer, totals, reds } = books;
  const causes = Object.entries(reds.byCause).map(([cause, count]) => `${cause} ${count}`);
  return [
    [
      'payouts',
      books.halts.length > 0
        ? colours.red(
            books.halts.map(({ code, reason }) => `HALTED ${plain(code)}: ${plain(reason)}`).join('; '),
          )
        : 'not halted',
    ],
    [
      'payer',
      payer.leads
        ? `${plain(payer.leader)}, told ${payer.toldSecondsAgo} s ago${payer.pays ? '' : ', has no key'}`
        : 'none runs',
    ],
    [
      'money',
      `owed ${kasOf(BigInt(totals.owedSompi))} to ${totals.owedAccounts}, in flight ${kasOf(BigInt(totals.inFlightSompi))}, paid ${kasOf(BigInt(totals.paidSompi))} KAS; audit: ${books.violations === 0 ? 'sound' : `${books.violations} violations`}`,
    ],
    ...[...books.live, ...books.last.slice(0, 3)].map(
      (row): Row => [
        'payout',
        `${row.id} ${row.state} ${row.payees} payees ${kasOf(BigInt(row.paidSompi))} KAS ${row.txid.slice(0, 16)}`,
      ],
    ),
    [
      'reds',
      `${reds.red} of ${reds.merged} blocks in ${reds.days} days${causes.length > 0 ? `: ${causes.join(', ')}` : ''}`,
    ],
  ];
}

function tailRows({ configuration, actions }: OperatorStatus): Row[] {
  return [
    [
      'config',
      `${configuration.file}, sha256 ${configuration.sha256.slice(0, 12)}, read ${configuration.readAt}`,
    ],
    ...actions
      .slice(-ROWS_SHOWN)
      .map(
        (one): Row => ['order', `${one.at}  ${plain(one.who)}: ${plain(one.what)}: ${plain(one.outcome)}`],
      ),
  ];
}

function rowsText(rows: readonly Row[]): string[] {
  return rows.map(([name, text], index) => {
    const title = rows[index - 1]?.[0] === name ? '' : name;
    return `  ${colours.dim(title.padEnd(NAME_WIDTH))}${text}`;
  });
}

function ms(value: number): string {
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;
}

export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [days, hours, minutes] = [
    Math.floor(whole / 86_400),
    Math.floor(whole / 3_600) % 24,
    Math.floor(whole / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0
    ? `${hours} h ${minutes} min`
    : minutes > 0
      ? `${minutes} min ${whole % 60} s`
      : `${whole} s`;
}

/** No control characters: an agent could move the cursor, or name the window. */
function plain(text: string): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?');
  return safe.length > TEXT_MAX ? `${safe.slice(0, TEXT_MAX)}...` : safe;
}
