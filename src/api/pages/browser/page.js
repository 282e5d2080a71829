/** What all pages do: draw their regions anew, tick their times, copy, switch colours, remember the visitor's address. */
import { agoText } from './format.js';
import { Live } from './live.js';
import { minerHref } from './parts.js';
import { patchChildren } from './patch.js';
import { stripRegions } from './strip.js';

const COPIED_MS = 2_000;
const ADDRESS_KEY = 'sluice.address';

export const data = JSON.parse(document.getElementById('page-data').textContent);
export const state = { explorer: data.explorer, choice: data.choice, nowMs: data.now };
/** The pool's clock against this one. */
let clockOffsetMs = data.now - Date.now();
let drawn = stripRegions;

export function find(selector) {
  return document.querySelector(selector);
}

/** Draws what is known; names limit it to some regions. */
export function draw(names = Object.keys(drawn)) {
  state.nowMs = Date.now() + clockOffsetMs;
  if (!state.pool) return;
  for (const name of names) {
    const places = document.querySelectorAll(`[data-region="${name}"]`);
    const node = places.length > 0 && drawn[name]?.(state);
    if (node) for (const place of places) patchChildren(place, [node]);
  }
}

/** @param still regions that change only when the visitor asks for it */
export function start({ regions = {}, still = [], topics = [], onMessage = () => {} }) {
  drawn = { ...stripRegions, ...regions };
  const moving = Object.keys(drawn).filter((name) => !still.includes(name));
  const label = find('[data-live]');
  return new Live(
    ['pool', ...topics],
    (topic, message) => {
      if (topic === 'pool') {
        clockOffsetMs = Date.parse(message.at) - Date.now();
        state.pool = message;
        draw(moving);
      }
      onMessage(topic, message);
    },
    (text, tone) => {
      if (label.textContent !== text) label.textContent = text;
      label.dataset.tone = tone;
    },
  );
}

setInterval(() => {
  const nowMs = Date.now() + clockOffsetMs;
  for (const place of document.querySelectorAll('time[data-ago]')) {
    const text = agoText(place.dateTime, nowMs);
    if (place.textContent !== text) place.textContent = text;
  }
}, 1_000);

/** The clipboard needs a secure context; a pool on a LAN address is none, so the old way is kept, and last the selection. */
async function copy(source, text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(source);
    return document.execCommand('copy');
  }
}

document.addEventListener('click', async ({ target }) => {
  const button = target.closest?.('[data-copy]');
  if (!button) return;
  button.textContent = (await copy(button.previousElementSibling, button.dataset.copy))
    ? 'Copied'
    : 'Press Ctrl-C';
  setTimeout(() => {
    button.textContent = 'Copy';
  }, COPIED_MS);
});

export function stored(key) {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** '' forgets it. */
export function store(key, value) {
  try {
    if (value === '') localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // No storage: it holds until the page is left.
  }
}

const root = document.documentElement;
const isDark = () => {
  if (root.dataset.theme) return root.dataset.theme === 'dark';
  return matchMedia('(prefers-color-scheme: dark)').matches;
};
const themeSwitch = find('[data-theme-switch]');
const nameSwitch = () => themeSwitch.setAttribute('aria-label', isDark() ? 'Light colours' : 'Dark colours');
themeSwitch.addEventListener('click', () => {
  root.dataset.theme = isDark() ? 'light' : 'dark';
  store('sluice.theme', root.dataset.theme);
  nameSwitch();
  dispatchEvent(new Event('colours'));
});
nameSwitch();

export function rememberAddress(address) {
  store(ADDRESS_KEY, address);
  showMine();
}

export function rememberedAddress() {
  return stored(ADDRESS_KEY);
}

function showMine() {
  const link = find('[data-mine]');
  const address = rememberedAddress();
  link.hidden = address === '';
  if (address) link.href = minerHref(address);
}
showMine();

/** 61 digits for most keys, 63 for some. The server checks the sum; here it is about half an address, or that of another chain. */
export function addressFault(text, prefix) {
  const address = text.trim();
  const other = /^([a-z]+):/.exec(address);
  if (other && `${other[1]}:` !== prefix) return `This pool pays to addresses that begin with ${prefix}`;
  const digits = address.slice(other ? prefix.length : 0);
  if (/[^qpzry9x8gf2tvdw0s3jn54khce6mua7l]/.test(digits))
    return 'There is a character in it that no address has.';
  if (digits.length !== 61 && digits.length !== 63)
    return `It has ${digits.length} characters after ${prefix} instead of 61 or 63.`;
  return '';
}

for (const form of document.querySelectorAll('[data-find]')) {
  const input = form.querySelector('input');
  const hint = form.querySelector('[data-hint]');
  const first = hint.textContent;
  const { prefix } = input.dataset;
  if (input.value === '') input.value = rememberedAddress();
  input.addEventListener('input', () => {
    input.removeAttribute('aria-invalid');
    hint.textContent = first;
    delete hint.dataset.tone;
  });
  form.addEventListener('submit', (event) => {
    const fault = addressFault(input.value, prefix);
    if (fault === '') {
      const text = input.value.trim();
      input.value = text.startsWith(prefix) ? text : prefix + text;
      rememberAddress(input.value);
      return;
    }
    event.preventDefault();
    input.setAttribute('aria-invalid', 'true');
    hint.textContent = fault;
    hint.dataset.tone = 'bad';
    input.focus();
  });
}
