/**
 * Numbers, amounts and times as a person reads them. Pure, without a locale: server and browser must write the same.
 * No-break spaces inside: a number and its unit are one word.
 */

const NBSP = '\u00a0';
const UNITS = ['H/s', 'kH/s', 'MH/s', 'GH/s', 'TH/s', 'PH/s', 'EH/s', 'ZH/s'];

export function hashrateText(hashesPerSecond: number): string {
  if (!(hashesPerSecond > 0)) return `0${NBSP}H/s`;
  const step = Math.max(0, Math.min(UNITS.length - 1, Math.floor(Math.log10(hashesPerSecond) / 3)));
  const value = hashesPerSecond / 1000 ** step;
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)}${NBSP}${UNITS[step]}`;
}

/** Digits in groups of three. */
export function countText(count: number | string): string {
  const text = typeof count === 'number' ? String(Math.round(count)) : count;
  return text.replace(/\B(?=(\d{3})+(?!\d))/g, NBSP);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)}${NBSP}${count === 1 ? one : many}`;
}

export function durationText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  const parts = (large: number, unit: string, small: number, smallUnit: string): string =>
    small === 0 ? `${large}${NBSP}${unit}` : `${large}${NBSP}${unit}${NBSP}${small}${NBSP}${smallUnit}`;
  if (s < 60) return `${s}${NBSP}s`;
  if (s < 600) return parts(Math.floor(s / 60), 'min', s % 60, 's');
  if (s < 3600) return `${Math.floor(s / 60)}${NBSP}min`;
  if (s < 86_400) return parts(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
  return parts(Math.floor(s / 86_400), 'd', Math.floor((s % 86_400) / 3600), 'h');
}

/** A clock that is a little ahead must not make the past the future. */
export function agoText(iso: string, nowMs: number): string {
  const seconds = (nowMs - Date.parse(iso)) / 1000;
  return seconds < 2 ? 'just now' : `${durationText(seconds)} ago`;
}

export function untilText(iso: string, nowMs: number): string {
  const seconds = (Date.parse(iso) - nowMs) / 1000;
  return seconds < 5 ? 'any moment now' : `in ${durationText(seconds)}`;
}

export function exactText(iso: string): string {
  return `${iso.slice(0, 19).replace('T', ' ')} UTC`;
}

/**
 * Sompi as a decimal string to coins, through no floating point. With `places` the rest is cut off, never rounded up: a balance
 * must not look larger than it is.
 */
export function kasText(sompi: string, places = 8): string {
  const match = /^(-?)(\d+)$/.exec(sompi);
  if (!match) return '';
  const digits = match[2]!.padStart(9, '0');
  const fraction = digits.slice(-8).slice(0, places).replace(/0+$/, '');
  const whole = countText(digits.slice(0, -8).replace(/^0+(?=\d)/, ''));
  if (places < 8 && whole === '0' && fraction === '' && /[1-9]/.test(digits)) {
    return `<${NBSP}${places === 0 ? '1' : `0.${'1'.padStart(places, '0')}`}${NBSP}KAS`;
  }
  return `${match[1] === '-' ? '−' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}${NBSP}KAS`;
}

/** Powers of two below one are test ports; their exponent says more than a long fraction. */
export function difficultyText(difficulty: number): string {
  if (difficulty >= 1) return countText(difficulty);
  const log2 = Math.log2(difficulty);
  return Number.isInteger(log2) ? `2^${log2}` : String(difficulty);
}

export function percentText(part: number, whole: number): string {
  if (whole === 0 || part === 0) return `0${NBSP}%`;
  const percent = (100 * part) / whole;
  if (percent < 0.01) return `<${NBSP}0.01${NBSP}%`;
  return `${percent.toFixed(percent < 1 ? 2 : percent < 99.95 ? 1 : 0)}${NBSP}%`;
}

/** Effort and luck: whole percents. */
export function ratioText(ratio: number | null): string {
  return ratio === null ? '–' : `${countText(100 * ratio)}${NBSP}%`;
}

export function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** The head and the tail are what people compare. */
export function shortened(text: string, head: number, tail: number): string {
  return text.length <= head + tail + 1 ? text : `${text.slice(0, head)}…${text.slice(-tail)}`;
}
