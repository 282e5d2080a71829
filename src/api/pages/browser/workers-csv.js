/** Workers as a file for a spreadsheet. */

const COLUMNS = [
  'name',
  'state',
  'lastShareAt',
  'hashrate10m',
  'hashrate1h',
  'hashrate24h',
  'accepted24h',
  'rejected24h',
  'difficulty',
  'agent',
  'port',
];

/** A name that begins like a formula must not become one. */
function field(value) {
  const text = String(value ?? '');
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function row(worker) {
  const { hashrate } = worker;
  const rejected = Object.values(worker.rejected24h).reduce((sum, count) => sum + count, 0);
  return [
    worker.name,
    worker.state,
    worker.lastShareAt,
    hashrate.m10,
    hashrate.h1,
    hashrate.h24,
    worker.accepted24h,
    rejected,
    worker.difficulty,
    worker.agent,
    worker.port,
  ];
}

export function saveCsv(workers) {
  const lines = [COLUMNS, ...workers.map(row)].map((cells) => cells.map(field).join(','));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([`${lines.join('\r\n')}\r\n`], { type: 'text/csv' }));
  link.download = 'workers.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}
