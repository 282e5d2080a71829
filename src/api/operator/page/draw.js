/**
 * The status document as rows of texts. Pure: no document, no network. What strangers wrote (agents, workers, first lines) goes through
 * here as text and reaches the page by textContent alone.
 */

const MIB = 1_048_576;
const TONES = { OK: 'good', DEGRADED: 'warn', DOWN: 'bad' };

export function toneOf(state) {
  return TONES[state] ?? 'muted';
}

/** @returns {{rows: Record<string, Array<Array<object>>>, texts: Record<string, string>}} by data-rows and data-text */
export function drawingOf(status) {
  const { engines, books, configuration } = status;
  const several = engines.length > 1;
  const each = (rowsOf) => engines.flatMap((engine) => rowsOf(engine, several ? `${engine.instance} ` : ''));
  return {
    rows: {
      nodes: each(nodeRows),
      shares: each(shareRows),
      keeping: each(keepingRows),
      stages: each(stageRows),
      money: books ? moneyRows(books) : [[name('books'), cell('there is no database to ask')]],
      payouts: books ? [...books.live, ...books.last].map(payoutRow) : [],
      blocks: [...each(blockRows), ...(books ? redRows(books.reds) : [])],
      agents: each(({ inside }) =>
        inside.agents.map((one) => [
          cell(one.agent || '(none)'),
          short(one.dialect),
          number(one.connections),
        ]),
      ),
      handshakes: each(({ inside }) =>
        inside.unknownHandshakes.map((one) => [cell(one.agent || '(none)'), cell(one.lines.join('\n'))]),
      ),
      slow: each(({ inside }) =>
        inside.slowReaders.map((one) => [
          short(one.remoteAddress),
          cell(one.worker),
          number(one.unsentBytes),
          number(`${Math.round(one.seconds)} s`),
        ]),
      ),
      bans: each(({ inside }) =>
        inside.bans.map((one) => [short(one.network), short(one.until || 'for ever'), cell(one.reason)]),
      ),
      process: each(processRows),
      closes: each(({ inside }) =>
        Object.entries(inside.closes)
          .filter(([, count]) => count > 0)
          .map(([reason, count]) => [name(reason.replaceAll('_', ' ')), figure(count)]),
      ),
      warnings: each(({ inside }) =>
        inside.warnings
          .toReversed()
          .map((one) => [
            name(one.at.slice(11, 19)),
            short(one.level, one.level === 'warn' ? 'warn' : 'bad'),
            cell(one.text),
          ]),
      ),
      actions: status.actions.toReversed().map(actionRow),
      configuration: configuration.entries.map((one) => [
        cell(one.key),
        cell(one.value),
        cell(one.source, one.source === 'default' ? 'muted' : undefined),
        cell(EFFECTS[one.effect], one.effect === 'applied' ? 'good' : 'muted'),
      ]),
    },
    texts: {
      templates: engines
        .map(({ inside }) =>
          inside.templates.stalled
            ? 'No template comes.'
            : `${inside.templates.lastMinute} templates in the last minute.`,
        )
        .join(' '),
      configuration: `${configuration.file}, read ${configuration.readAt}, sha256 ${configuration.sha256.slice(0, 16)}`,
    },
  };
}

function actionRow({ at, who, what, outcome }) {
  return [short(at.slice(0, 19).replace('T', ' ')), short(who), short(what), cell(outcome)];
}

const EFFECTS = { applied: 'at a reload', payer: "at the payer's reload", restart: 'after a restart' };

function cell(text, tone) {
  return { text: String(text), tone };
}
function number(text, tone) {
  return {
    text: typeof text === 'number' ? text.toLocaleString('en').replaceAll(',', '\u202f') : text,
    tone,
    kind: 'number',
  };
}
function figure(value) {
  return { text: number(value).text };
}
/** A number that a telephone has no room for. */
function extra(text) {
  return { text, kind: 'number extra' };
}
function short(text, tone) {
  return { text: String(text), tone, kind: 'short' };
}
function name(text) {
  return { text, kind: 'name' };
}

function nodeRows({ snapshot }) {
  return snapshot.nodes.map((node) => [
    cell(node.name),
    node.connected
      ? node.synced
        ? cell('synced', 'good')
        : cell('not synced', 'bad')
      : cell('not connected', 'bad'),
    number(node.daaScore),
    number(node.lastTemplateAgeMs < 0 ? 'never' : `${node.lastTemplateAgeMs} ms`),
    cell(node.fault),
  ]);
}

function shareRows({ snapshot }, of) {
  const { shares, ports } = snapshot;
  return [
    [name(`${of}miners`), cell(`${snapshot.miners} with ${snapshot.workers} workers`)],
    [
      name('hashrate'),
      cell(
        `${hashrate(snapshot.hashrate.m1)}, 10 min ${hashrate(snapshot.hashrate.m10)}, 1 h ${hashrate(snapshot.hashrate.h1)}`,
      ),
    ],
    [name('accepted'), figure(shares.accepted)],
    ...Object.entries(shares.rejected)
      .filter(([, count]) => count > 0)
      .map(([label, count]) => [name(label.replaceAll('_', ' ')), figure(count)]),
    ...ports.map((port) => [
      name('port'),
      cell(
        `${port.url}, difficulty ${difficulty(port.difficulty)}, ${number(port.connections).text} connected`,
      ),
    ]),
  ];
}

function keepingRows({ snapshot: { journal, database }, inside }, of) {
  const waiting = journal.appended - journal.durable;
  return [
    [name(`${of}journal`), cell(journal.state, journal.state === 'failed' ? 'bad' : 'good')],
    ...(journal.fault ? [[name('fault'), cell(journal.fault, 'bad')]] : []),
    [name('not on disk'), figure(waiting)],
    [name('ring'), cell(`${Math.round(100 * inside.journalFillRatio)} % full`)],
    [name('segment'), cell(journal.segment)],
    [name('loader'), cell(database.state, database.fault ? 'bad' : 'good')],
    ...(database.fault ? [[name('fault'), cell(database.fault, 'bad')]] : []),
    [name('lag'), cell(`${database.lagRecords} records, ${database.lagSeconds.toFixed(1)} s`)],
    [name('loaded'), figure(database.loaded)],
  ];
}

function stageRows({ inside }, of) {
  return inside.stages.map((one) => [
    cell(of + one.stage),
    number(milliseconds(one.p50Ms)),
    extra(milliseconds(one.p90Ms)),
    number(milliseconds(one.p99Ms)),
    extra(milliseconds(one.p999Ms)),
    number(milliseconds(one.maxMs)),
    extra(number(one.count).text),
  ]);
}

function moneyRows(books) {
  const { payer, totals } = books;
  return [
    ...books.halts.map((halt) => [
      name('HALTED'),
      cell(`${halt.code}: ${halt.reason} (${halt.raised})`, 'bad'),
    ]),
    ...(books.halts.length === 0 ? [[name('payouts'), cell('not halted', 'good')]] : []),
    ...(books.fault ? [[name('books'), cell(`${books.fault}; read ${books.readAt ?? 'never'}`, 'bad')]] : []),
    [
      name('payer'),
      payer.leads
        ? cell(`${payer.leader}, told ${payer.toldSecondsAgo} s ago${payer.pays ? '' : ', has no key'}`)
        : cell('none runs', payer.leader ? 'bad' : 'muted'),
    ],
    ...payer.faults.map((fault) => [name('fault'), cell(fault, 'bad')]),
    ...(payer.lastRound ? [[name('last round'), cell(payer.lastRound)]] : []),
    [name('owed'), cell(`${kas(totals.owedSompi)} KAS to ${totals.owedAccounts} accounts`)],
    [name('in flight'), cell(`${kas(totals.inFlightSompi)} KAS`)],
    [name('paid'), cell(`${kas(totals.paidSompi)} KAS`)],
    [name('rewards'), cell(`${kas(totals.rewardsSompi)} KAS, ${kas(totals.unsettledSompi)} not divided yet`)],
    [
      name('audit'),
      books.violations === 0 ? cell('sound', 'good') : cell(`${books.violations} violations`, 'bad'),
    ],
  ];
}

function payoutRow(one) {
  return [
    short(one.id),
    short(one.state, one.state === 'CONFIRMED' ? 'good' : undefined),
    extra(one.payees),
    number(kas(one.paidSompi)),
    { text: one.plannedAt.slice(0, 19), kind: 'extra' },
    cell(one.txid),
  ];
}

function blockRows({ snapshot: { blocks } }, of) {
  return [
    [
      name(`${of}found`),
      cell(
        `${blocks.found}, ${blocks.accepted} accepted by a node, ${blocks.refused} refused`,
        blocks.refused > 0 ? 'warn' : undefined,
      ),
    ],
    [name('colours'), cell(`${blocks.blue} blue, ${blocks.red} red`)],
  ];
}

function redRows(reds) {
  return [
    [name(`red, ${reds.days} d`), cell(`${reds.red} of ${reds.merged}`)],
    ...Object.entries(reds.byCause).map(([cause, count]) => [
      name(cause.replaceAll('_', ' ')),
      number(count),
    ]),
    ...reds.blocks.map((block) => [name(block.hash.slice(0, 8)), cell(block.explanation)]),
  ];
}

function processRows({ inside, ageSeconds, pid }, of) {
  const { process, loop, gc } = inside;
  return [
    [name(`${of}process`), cell(`${pid}, told ${ageSeconds} s ago`)],
    [
      name('memory'),
      cell(`${Math.round(process.rssBytes / MIB)} MiB, heap ${Math.round(process.heapUsedBytes / MIB)}`),
    ],
    [
      name('main loop'),
      cell(
        `${Math.round(100 * loop.utilisation)} % busy, late p99 ${milliseconds(loop.delayP99Ms)}, max ${milliseconds(loop.delayMaxMs)}`,
      ),
    ],
    [name('GC'), cell(`${gc.pauses} pauses, longest ${milliseconds(gc.longestMs)}`)],
    [name('files'), cell(`${process.openFiles} of ${process.openFilesMax}`)],
    ...inside.threads.map((one) => [name(one.name), cell(`${Math.round(100 * one.utilisation)} %`)]),
  ];
}

/** As the pages write it: powers of two below one are test ports. */
function difficulty(value) {
  const log2 = Math.log2(value);
  return value < 1 && Number.isInteger(log2) ? `2^${log2}` : number(value).text;
}

function milliseconds(value) {
  return `${value < 10 ? value.toFixed(2) : Math.round(value)} ms`;
}

function hashrate(value) {
  const units = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s', 'PH/s', 'EH/s'];
  let place = 0;
  let shown = value;
  while (shown >= 1000 && place < units.length - 1) {
    shown /= 1000;
    place++;
  }
  return `${shown < 10 ? shown.toFixed(2) : shown.toFixed(1)} ${units[place]}`;
}

/** Decimal strings of sompi: never by way of a double. */
function kas(sompi) {
  const digits = sompi.replace('-', '').padStart(9, '0');
  return `${sompi.startsWith('-') ? '-' : ''}${digits.slice(0, -8)}.${digits.slice(-8, -4)}`;
}
