/** What every line that the server writes must be, whatever it was sent. */

const CODES = new Set([20, 21, 22, 23, 24, 25]);
const PUSHES = new Set(['mining.notify', 'mining.set_difficulty', 'mining.set_extranonce', 'set_extranonce']);

/** A sentence for what is wrong with the line, or undefined. */
export function faultOfAnswer(line: string): string | undefined {
  let parsed: Record<string, unknown>;
  try {
    parsed = JSON.parse(line);
  } catch {
    return 'not JSON';
  }
  for (let at = 0; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code < 0x20 || code > 0x7e) return 'not printable ASCII';
  }
  if ('method' in parsed) return PUSHES.has(String(parsed.method)) ? undefined : 'an unknown push';
  const { id, result, error } = parsed;
  if (id === undefined || result === undefined || error === undefined) return 'a key is missing';
  if ((result === null) === (error === null)) return 'neither or both of result and error';
  if (typeof id === 'object' && id !== null) return 'an id that is no value';
  if (error === null) return undefined;
  const isError =
    Array.isArray(error) && error.length === 3 && CODES.has(error[0]) && typeof error[1] === 'string';
  return isError ? undefined : 'an error that is none';
}
