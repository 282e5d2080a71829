/** The front page, and the page of an address that never sent a share. */
import { liveChart } from './chart-draw.js';
import { FirstShare } from './first-share.js';
import { homeRegions } from './home.js';
import { readJson } from './live.js';
import { addressFault, data, draw, find, rememberAddress, rememberedAddress, start, state } from './page.js';
import { minerHref } from './parts.js';

const BLOCKS = 10;

/** Kept by the server for so long, and a moment for the database. */
const LIST_LIFE_MS = 5_000;

async function readBlocks(path) {
  const page = await readJson(path);
  if (page) state.blocks = page.items;
  draw(['blocks']);
}

const live = start({
  regions: homeRegions,
  still: ['connect'],
  topics: ['blocks'],
  onMessage: async (topic, news) => {
    if (topic.startsWith('miner:')) watcher?.hear(news);
    if (topic !== 'blocks') return;
    await readBlocks(`/api/v1/blocks?limit=${BLOCKS}`);
    // The news is faster than the list: once more when that cannot be old any more.
    setTimeout(() => readBlocks(`/api/v1/blocks?limit=${BLOCKS}`), LIST_LIFE_MS);
  },
});

const figure = find('figure.chart');
if (figure && data.series) liveChart(figure, data.series, (range) => `/api/v1/pool/series?range=${range}`);

const place = find('[data-seen]');
const watcher = place && new FirstShare(place, live, () => data.awaited && location.reload());
if (data.awaited) watcher.watch(data.awaited);

const frame = find('[data-region="connect"]');
if (frame) {
  const read = () => {
    const given = Object.fromEntries(new FormData(frame.querySelector('[data-connect]')));
    const before = state.choice ?? {};
    // Another miner, other models and ports: what was chosen of these no longer holds.
    if (given.miner !== before.miner) given.machine = '';
    if (given.miner !== before.miner || given.machine !== before.machine) given.port = '';
    state.choice = { machine: '', ...given, address: given.address.trim() };
    draw(['connect']);
    const prefix = find('[data-region="connect"] [name="address"]').placeholder.slice(0, -2);
    const { address } = state.choice;
    if (data.awaited || address === '' || addressFault(address, prefix) !== '') return;
    const full = address.startsWith(prefix) ? address : prefix + address;
    state.choice.address = full;
    draw(['connect']);
    rememberAddress(full);
    watcher?.watch(full);
  };
  frame.addEventListener('input', read);
  frame.addEventListener('submit', (event) => {
    event.preventDefault();
    read();
  });
}

const remembered = find('[data-remembered]');
const address = rememberedAddress();
if (remembered && address) {
  const link = document.createElement('a');
  link.href = minerHref(address);
  link.textContent = `${address.slice(0, 16)}…${address.slice(-6)}`;
  remembered.replaceChildren('You looked for ', link);
  remembered.hidden = false;
}
