/**
 * Keeps the page's numbers current: a WebSocket first, polling when there is none, both stopped while nobody looks.
 * Everything goes through `textContent`: what miners call their machines stays text.
 */
import { viewOf } from './view.js';

const POLL_MS = 3_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 15_000;
/** Snapshots come every second; after this long without one the numbers are old and must not look live. */
const STALE_MS = 8_000;

const live = document.getElementById('live');
let socket;
let retryMs = RETRY_MIN_MS;
let lastAt = 0;
let how = 'connecting';

function show(snapshot, source) {
  const view = viewOf(snapshot);
  lastAt = Date.now();
  how = source;
  for (const element of document.querySelectorAll('[data-field]')) {
    setText(element, view.fields[element.dataset.field] ?? '');
  }
  for (const element of document.querySelectorAll('[data-tone-of]')) {
    element.dataset.tone = view.tones[element.dataset.toneOf] ?? 'plain';
  }
  for (const body of document.querySelectorAll('[data-rows]')) {
    setRows(body, view.rows[body.dataset.rows] ?? []);
  }
  showLive();
}

function setText(element, text) {
  // Writing the same text again would drop a reader's selection.
  if (element.textContent !== text) element.textContent = text;
}

/** Cells that did not change are left alone, so that focus and selection survive the next second. */
function setRows(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    while (row.cells.length > cells.length) row.deleteCell(-1);
    cells.forEach((cell, column) => {
      const place = row.cells[column] ?? row.insertCell();
      const key = JSON.stringify(cell);
      if (place.dataset.key === key) return;
      place.dataset.key = key;
      fillCell(place, cell);
    });
  });
}

function fillCell(place, cell) {
  const text = document.createElement(cell.code ? 'code' : 'span');
  text.textContent = cell.text;
  place.replaceChildren(text);
  place.className = cell.number ? 'number' : '';
  if (cell.span) place.colSpan = cell.span;
  else place.removeAttribute('colspan');
  if (cell.label) place.dataset.label = cell.label;
  else delete place.dataset.label;
  if (cell.title) place.title = cell.title;
  else place.removeAttribute('title');
  if (cell.tone) place.dataset.tone = cell.tone;
  else delete place.dataset.tone;
  if (cell.copy) place.append(copyButton(text, cell.text));
}

function copyButton(source, text) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.setAttribute('aria-label', `Copy ${text}`);
  button.addEventListener('click', async () => {
    button.textContent = (await copy(source, text)) ? 'Copied' : 'Press Ctrl-C';
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2_000);
  });
  return button;
}

/** The clipboard needs a secure context; a pool on a LAN address is none, so the old way is kept, and last the selection. */
async function copy(source, text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const selection = getSelection();
    selection.selectAllChildren(source);
    return document.execCommand('copy');
  }
}

function showLive() {
  const old = lastAt === 0 || Date.now() - lastAt > STALE_MS;
  live.dataset.tone = old ? 'bad' : how === 'live' ? 'good' : 'warn';
  live.textContent = old ? (lastAt === 0 ? 'connecting …' : 'no connection, numbers are old') : how;
}

function connect() {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  socket = new WebSocket(`${scheme}//${location.host}/api/v1/live`);
  socket.addEventListener('message', (event) => {
    retryMs = RETRY_MIN_MS;
    show(JSON.parse(event.data), 'live');
  });
  socket.addEventListener('close', () => {
    socket = undefined;
    void poll();
    if (!document.hidden) setTimeout(reconnect, retryMs);
    retryMs = Math.min(RETRY_MAX_MS, retryMs * 2);
  });
}

function reconnect() {
  if (!socket && !document.hidden) connect();
}

async function poll() {
  if (document.hidden || socket?.readyState === WebSocket.OPEN) return;
  try {
    const response = await fetch('/api/v1/pool');
    if (response.ok) show(await response.json(), 'polling');
  } catch {
    // The next round, or the socket, will tell.
  }
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) socket?.close();
  else reconnect();
});
setInterval(poll, POLL_MS);
setInterval(showLive, 1_000);
showLive();
connect();
