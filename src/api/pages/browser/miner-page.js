/** One miner's page: live, with a filter, alerts and the form for settings. */
import { WorkerAlerts } from './alerts.js';
import { liveChart } from './chart-draw.js';
import { readJson } from './live.js';
import { minerRegions } from './miner.js';
import { data, draw, find, rememberAddress, start, state } from './page.js';
import { minerHref } from './parts.js';
import { settingsForm } from './settings-form.js';
import { saveCsv } from './workers-csv.js';

const WORKERS = 100;
/** A burst of shares is one look. */
const LOOK_EVERY_MS = 2_000;
const LOOK_ANYWAY_MS = 10_000;
const REFUSALS_EVERY_MS = 15_000;

const path = `/api/v1${minerHref(data.address)}`;
let lookedAtMs = 0;
let refusalsAtMs = Date.now();
let looking = false;
/** Something of this miner changed since the last look. */
let changed = false;

const live = start({
  regions: minerRegions,
  topics: [`miner:${data.address}`],
  onMessage: (topic, now) => {
    if (topic === 'pool') return;
    changed = true;
    if (now.workers) hear(now);
    void look();
  },
});
const alerts = new WorkerAlerts(live, find('[data-alerts]'), find('[data-banner]'));
rememberAddress(data.address);

/** What the socket tells of connections is newer than what was read. */
function hear(now) {
  if (!state.workers || !state.miner) return;
  // Several connections of one name: the first is the one that was heard of last.
  const byName = new Map(now.workers.toReversed().map((worker) => [worker.name, worker]));
  // A farm's topic names a hundred workers: of the others it says nothing.
  const isWhole = now.connections <= now.workers.length;
  const items = state.workers.items.map((worker) => {
    const told = byName.get(worker.name);
    if (told) {
      const lastShareAt = told.lastShareAt ?? worker.lastShareAt;
      return { ...worker, state: told.state, difficulty: told.difficulty, lastShareAt };
    }
    if (!isWhole || worker.state === 'gone') return worker;
    return { ...worker, state: 'offline', connections: 0, connectedSince: null };
  });
  const of = (wanted) => items.filter((worker) => worker.state === wanted).length;
  state.workers = { ...state.workers, items };
  state.miner = {
    ...state.miner,
    lastShareAt: now.lastShareAt ?? state.miner.lastShareAt,
    ...(isWhole && { workers: { online: of('online'), idle: of('idle'), offline: of('offline') } }),
  };
  alerts.see(items);
  draw(['verdict', 'tiles', 'workers']);
}

async function look() {
  const afterMs = changed ? LOOK_EVERY_MS : LOOK_ANYWAY_MS;
  if (looking || Date.now() - lookedAtMs < afterMs || (document.hidden && !live.always)) return;
  looking = true;
  changed = false;
  lookedAtMs = Date.now();
  const withRefusals = Date.now() - refusalsAtMs > REFUSALS_EVERY_MS;
  if (withRefusals) refusalsAtMs = Date.now();
  const [miner, workers, refusals] = await Promise.all([
    readJson(path),
    readJson(`${path}/workers?limit=${WORKERS}`),
    withRefusals ? readJson(`${path}/refusals`) : undefined,
  ]);
  looking = false;
  if (miner) state.miner = miner;
  if (workers) {
    state.workers = workers;
    alerts.see(workers.items);
  }
  if (refusals) state.refusals = refusals;
  draw();
}

setInterval(look, 1_000);
void look();

const figure = find('figure.chart');
if (figure && data.series) liveChart(figure, data.series, (range) => `${path}/series?range=${range}`);

find('[data-filter]').addEventListener('input', ({ target }) => {
  state.filter = target.value;
  draw(['workers']);
});
find('[data-csv]').addEventListener('click', () => saveCsv(state.workers?.items ?? []));
settingsForm(find('[data-settings-frame]'), data.address);
