/**
 * Requests that are not a plain submit: a line through JSON.parse, judged for shape only. Pure.
 *
 * The id goes back as it came, with the same type and value, so it is carried as JSON text. JSON.parse would round a long number:
 * its digits are then cut from the line itself.
 */
import { asciiJson } from './messages.ts';

/** A client that needs a longer id to find its request again does not exist; unanswered ones are kept in memory. */
const ID_TEXT_LENGTH_MAX = 128;

export type Request =
  | {
      readonly kind: 'request';
      /** JSON text: `5`, `"abc"`, `null`. */
      readonly idText: string;
      /** The id when it is a plain non-negative integer: it needs no table then. */
      readonly idNumber: number | undefined;
      /** False: a notification, without any id. */
      readonly hasId: boolean;
      readonly method: string;
      readonly params: readonly unknown[];
    }
  | { readonly kind: 'malformed'; readonly idText: string; readonly reason: string; readonly isJson: boolean }
  /** An answer to one of our pushes, which want none. */
  | { readonly kind: 'answer' };

/** Goldshell puts raw TABs into strings; JSON forbids all control characters there. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these characters are what it is about
const CONTROL_CHARACTERS = /[\u0000-\u001f]/g;

export function parseRequest(buffer: Buffer, start: number, end: number): Request {
  const text = buffer.toString('utf8', start, end).replace(CONTROL_CHARACTERS, ' ');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { kind: 'malformed', idText: 'null', reason: 'Not JSON', isJson: false };
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return { kind: 'malformed', idText: 'null', reason: 'Not a request', isJson: true };
  }
  const { id, method, params, result } = parsed as Record<string, unknown>;
  const idText = idTextOf(id, text);
  if (idText === undefined) return malformed('null', 'The id must be a number, a string or null');
  if (typeof method !== 'string') {
    return result === undefined ? malformed(idText, 'The method is missing') : { kind: 'answer' };
  }
  if (params !== undefined && params !== null && !Array.isArray(params)) {
    return malformed(idText, 'The params must be an array');
  }
  return {
    kind: 'request',
    idText,
    idNumber: typeof id === 'number' && idText === String(id) && isPlainInteger(id) ? id : undefined,
    hasId: id !== undefined && id !== null,
    method,
    params: params ?? [],
  };
}

function malformed(idText: string, reason: string): Request {
  return { kind: 'malformed', idText, reason, isJson: true };
}

function isPlainInteger(id: number): boolean {
  return Number.isSafeInteger(id) && id >= 0 && !Object.is(id, -0);
}

function idTextOf(id: unknown, line: string): string | undefined {
  if (id === undefined || id === null) return 'null';
  let text: string | undefined;
  if (typeof id === 'string') text = asciiJson(id);
  else if (typeof id === 'number') text = isPlainInteger(id) ? String(id) : numberTextOfId(line);
  return text !== undefined && text.length <= ID_TEXT_LENGTH_MAX ? text : undefined;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s"[\]{}:,]+/g;

/** The digits behind the last top-level key `id`, of a line that JSON.parse has accepted. */
function numberTextOfId(line: string): string | undefined {
  let depth = 0;
  let key: string | undefined;
  let last = '';
  let found: string | undefined;
  for (const [token] of line.matchAll(TOKEN)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (token === ':') key = depth === 1 ? last : undefined;
    else if (token === ',') key = undefined;
    else if (key !== undefined && depth === 1 && JSON.parse(key) === 'id') found = token;
    last = token;
  }
  return found;
}
