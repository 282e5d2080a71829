/** Charts that answer to the pointer, drawn by uPlot over the server's drawing. Another range is fetched, not another page. */
import { chartTexts } from './chart.js';
import { countText, hashrateText, percentText } from './format.js';
import { readJson } from './live.js';
import { patchChildren } from './patch.js';

const REFRESH_MIN_MS = 30_000;
const HEIGHT = 240;
/** The visitor's own time, as his clock on the wall shows it. */
const moment = new Intl.DateTimeFormat([], { dateStyle: 'medium', timeStyle: 'short' });
const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat([], { day: 'numeric', month: 'short' });
const DAY_S = 86_400;

/** @param pathOf range -> where its series is */
export function liveChart(figure, first, pathOf) {
  const plot = figure.querySelector('[data-chart]');
  let series = first;
  let drawing;
  let refreshedAtMs = Date.now();

  const redraw = () => {
    drawing?.destroy();
    plot.replaceChildren();
    drawing = new uPlot(options(series, plot.clientWidth), columns(series), plot);
  };
  const show = (next) => {
    series = next;
    redraw();
    figure.querySelector('[data-story]').textContent = chartTexts.story(series);
    patchChildren(figure.querySelector('[data-figures]'), [chartTexts.figures(series)]);
    for (const link of figure.querySelectorAll('[data-range]')) {
      if (link.dataset.range === series.range) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  };
  const fetchRange = async (range) => {
    const next = await readJson(pathOf(range));
    refreshedAtMs = Date.now();
    if (next) show(next);
    return next !== undefined;
  };

  for (const link of figure.querySelectorAll('[data-range]')) {
    link.addEventListener('click', async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      if (await fetchRange(link.dataset.range)) history.replaceState(null, '', link.href);
      else location.href = link.href;
    });
  }
  setInterval(() => {
    const dueMs = Math.max(REFRESH_MIN_MS, series.stepSeconds * 1000);
    if (!document.hidden && Date.now() - refreshedAtMs > dueMs) void fetchRange(series.range);
  }, 5_000);
  new ResizeObserver(() => {
    if (plot.clientWidth > 0 && plot.clientWidth !== drawing?.width)
      drawing?.setSize({ width: plot.clientWidth, height: HEIGHT });
  }).observe(plot);
  addEventListener('colours', redraw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  redraw();
}

function columns(series) {
  const fromS = Date.parse(series.from) / 1000;
  const times = series.hashrate.map((_, index) => fromS + index * series.stepSeconds);
  return [times, series.hashrate, series.rejectedShare, ...(series.workers ? [series.workers] : [])];
}

/** Reads a colour of the style sheet as the canvas wants it: through a property that the browser computes. */
function colourOf(name) {
  const probe = document.createElement('span');
  probe.className = `probe-${name}`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const faint = (colour) => colour.replace('rgb(', 'rgba(').replace(')', ', 0.14)');

/** Days where days are shown, else hours. */
function tickText(tick, next) {
  return (Math.abs(next - tick) >= DAY_S / 2 ? day : clock).format(tick * 1000);
}

function options(series, width) {
  const accent = colourOf('accent');
  const bad = colourOf('bad');
  const muted = colourOf('muted');
  const line = colourOf('line');
  const axis = {
    stroke: muted,
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
  return {
    width,
    height: HEIGHT,
    cursor: { y: false, points: { size: 7 } },
    legend: { live: true },
    scales: {
      x: { time: true },
      y: { range: (_, __, top) => [0, Math.max(top * 1.08, 1)] },
      part: { range: [0, 1] },
      count: { range: (_, __, top) => [0, Math.max(1, top * 1.6)] },
    },
    axes: [
      {
        ...axis,
        values: (_, ticks) => ticks.map((tick, at) => tickText(tick, ticks[at + 1] ?? ticks[at - 1])),
      },
      { ...axis, size: 78, values: (_, ticks) => ticks.map((tick) => hashrateText(tick)) },
    ],
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '–' : moment.format(at * 1000)) },
      {
        label: 'Hashrate',
        stroke: accent,
        fill: faint(accent),
        width: 2,
        points: { show: false },
        value: (_, value, __, index) =>
          index === null ? '–' : value === null ? 'unknown' : hashrateText(value),
      },
      {
        label: 'Refused',
        scale: 'part',
        stroke: bad,
        fill: faint(bad),
        width: 1,
        points: { show: false },
        value: (_, value) => (value === null ? '–' : percentText(value, 1)),
      },
      ...(series.workers
        ? [
            {
              label: 'Workers',
              scale: 'count',
              stroke: muted,
              width: 1,
              dash: [4, 3],
              points: { show: false },
              value: (_, value) => (value === null ? '–' : countText(value)),
            },
          ]
        : []),
    ],
  };
}
