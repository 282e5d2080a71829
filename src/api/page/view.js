/**
 * A snapshot as a person reads it: texts by field, tones, rows. Pure, and run on both sides: by the server for the first
 * paint (and for readers without JavaScript), by the browser for every later one.
 */

const UNITS = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s', 'PH/s', 'EH/s', 'ZH/s'];

export function hashrateText(hashesPerSecond) {
  if (!(hashesPerSecond > 0)) return '0 H/s';
  const step = Math.max(0, Math.min(UNITS.length - 1, Math.floor(Math.log10(hashesPerSecond) / 3)));
  const value = hashesPerSecond / 1000 ** step;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${UNITS[step]}`;
}

/** Digits in groups of three, without a locale: server and browser must write the same. No-break spaces: a number is one word. */
export function countText(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+(?!\d))/g, '\u00a0');
}

export function durationText(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** Sompi as a decimal string to coins, exactly: through no floating point. */
export function rewardText(sompi) {
  if (!/^\d+$/.test(sompi)) return '';
  const digits = sompi.padStart(9, '0');
  const fraction = digits.slice(-8).replace(/0+$/, '');
  return `${countText(digits.slice(0, -8))}${fraction === '' ? '' : `.${fraction}`} KAS`;
}

/** Powers of two below one are test ports; their exponent says more than a long fraction. */
export function difficultyText(difficulty) {
  if (difficulty >= 1) return countText(difficulty);
  const log2 = Math.log2(difficulty);
  return Number.isInteger(log2) ? `2^${log2}` : String(difficulty);
}

const REASONS = {
  low_difficulty: 'Hash misses the share target',
  malformed: 'Malformed submission',
  unknown_job: 'Unknown job',
  stale_job: 'Job too old',
  duplicate: 'Sent twice',
  unauthorized: 'Not authorised',
  foreign_extranonce: "Outside the miner's nonce space",
  unavailable: 'Share storage was unavailable',
  overloaded: 'Too many submissions for one job',
  engine_fault: 'Could not be judged (our fault)',
};

function percentText(part, whole) {
  if (whole === 0 || part === 0) return '0 %';
  const percent = (100 * part) / whole;
  return percent < 0.01 ? '< 0.01 %' : `${percent.toFixed(percent < 1 ? 2 : 1)} %`;
}

function agoText(iso, atMs) {
  return `${durationText((atMs - Date.parse(iso)) / 1000)} ago`;
}

const empty = (text, span) => [{ text, span, tone: 'muted' }];

/** On a phone a row becomes a card, and each cell carries its column's name. */
function labelled(labels, rows) {
  return rows.map((cells) =>
    cells.map((cell, column) => (cell.span ? cell : { ...cell, label: labels[column] })),
  );
}

function portRows(snapshot) {
  if (snapshot.ports.length === 0) return [empty('No stratum port is open.', 4)];
  return snapshot.ports.map((port) => [
    { text: port.label },
    { text: port.url, code: true, copy: true },
    { text: difficultyText(port.difficulty), number: true },
    { text: countText(port.connections), number: true },
  ]);
}

function blockRows(snapshot, atMs) {
  if (snapshot.blocks.recent.length === 0) {
    return [empty('No block yet. Each one that this pool finds will be listed here.', 5)];
  }
  const tones = { blue: 'blue', red: 'red', unknown: 'muted' };
  return snapshot.blocks.recent.map((block) => [
    { text: agoText(block.at, atMs), title: block.at },
    { text: block.colour === 'unknown' ? 'waiting' : block.colour, tone: tones[block.colour] },
    { text: rewardText(block.reward) || '–', number: true },
    { text: block.worker },
    { text: `${block.hash.slice(0, 10)}…${block.hash.slice(-6)}`, title: block.hash, code: true },
  ]);
}

function rejectRows(snapshot, rejected) {
  const counted = Object.entries(snapshot.shares.rejected).filter(([, count]) => count > 0);
  if (counted.length === 0) return [empty('None so far.', 3)];
  const all = snapshot.shares.accepted + rejected;
  return counted
    .sort((one, other) => other[1] - one[1])
    .map(([label, count]) => [
      { text: REASONS[label] ?? label },
      { text: countText(count), number: true },
      { text: percentText(count, all), number: true },
    ]);
}

function partRows({ nodes, journal, database }) {
  const rows = nodes.map((node) => {
    const well = node.connected && node.synced && node.fault === '';
    const age =
      node.lastTemplateAgeMs < 0
        ? 'no template yet'
        : `template ${(node.lastTemplateAgeMs / 1000).toFixed(1)} s old`;
    return [
      { text: `Node ${node.name}` },
      {
        text: node.connected ? (node.synced ? 'synced' : 'syncing') : 'not connected',
        tone: well ? 'good' : 'bad',
      },
      {
        text:
          node.fault || `${age} · DAA ${countText(node.daaScore)}${node.version ? ` · ${node.version}` : ''}`,
      },
    ];
  });
  if (rows.length === 0)
    rows.push([{ text: 'Node' }, { text: 'none', tone: 'bad' }, { text: 'No node is configured.' }]);
  rows.push([
    { text: 'Journal' },
    { text: journal.state, tone: journal.fault === '' ? 'good' : 'bad' },
    {
      text:
        journal.fault ||
        `${countText(journal.durable)} of ${countText(journal.appended)} records on disk · ${journal.segment}`,
    },
  ]);
  const lag = `${countText(database.lagRecords)} records (${database.lagSeconds.toFixed(1)} s) behind`;
  rows.push([
    { text: 'Database' },
    { text: database.state, tone: database.fault === '' ? 'good' : 'bad' },
    { text: database.fault || `${countText(database.loaded)} shares stored · ${lag}` },
  ]);
  return rows;
}

export function viewOf(snapshot) {
  const atMs = Date.parse(snapshot.at);
  const rejected = Object.values(snapshot.shares.rejected).reduce((sum, count) => sum + count, 0);
  const { ready } = snapshot;
  return {
    fields: {
      network: snapshot.network,
      health: ready.ok ? 'all well' : ready.reasons.join(' · ') || 'not ready',
      at: `${snapshot.at.slice(0, 19).replace('T', ' ')} UTC`,
      hashrateM1: hashrateText(snapshot.hashrate.m1),
      hashrateM10: hashrateText(snapshot.hashrate.m10),
      hashrateH1: hashrateText(snapshot.hashrate.h1),
      miners: countText(snapshot.miners),
      workers: countText(snapshot.workers),
      accepted: countText(snapshot.shares.accepted),
      rejected: countText(rejected),
      rejectedPercent: percentText(rejected, snapshot.shares.accepted + rejected),
      found: countText(snapshot.blocks.found),
      blue: countText(snapshot.blocks.blue),
      red: countText(snapshot.blocks.red),
      blocksAccepted: countText(snapshot.blocks.accepted),
      blocksRefused: countText(snapshot.blocks.refused),
      version: snapshot.version,
      uptime: durationText(snapshot.uptimeSeconds),
    },
    tones: { health: ready.ok ? 'good' : 'bad' },
    rows: {
      ports: labelled(['Port', 'URL', 'Difficulty', 'Connected'], portRows(snapshot)),
      login: [
        [
          { text: 'User' },
          { text: snapshot.loginFormat, code: true, copy: true },
          { text: 'your payout address, a dot, a name for the machine' },
        ],
        [
          { text: 'Password' },
          { text: 'x', code: true, copy: true },
          { text: 'anything; d=8192 asks for a difficulty, where the port has a range' },
        ],
      ],
      blocks: labelled(['When', 'Colour', 'Reward', 'Worker', 'Hash'], blockRows(snapshot, atMs)),
      rejects: labelled(['Reason', 'Shares', 'Part of all'], rejectRows(snapshot, rejected)),
      parts: labelled(['Part', 'State', 'Detail'], partRows(snapshot)),
    },
  };
}
