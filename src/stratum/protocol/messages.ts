/**
 * Every line the engine writes, except jobs (`job-lines`). Byte-exact: real clients compare less than they should and choke on
 * more than they should, so both keys are always there, an error has three elements, and no number has a decimal point it does
 * not need. Pure. All text is ASCII, so latin1 and UTF-8 are the same bytes.
 */
import { type ExtranonceBytes, extranonceHex, NONCE_BYTES } from '../../domain/extranonce.ts';
import { VERDICTS } from '../../domain/share.ts';
import type { DifficultyLog2 } from '../../domain/target.ts';
import type { Dialect, ExtranonceForm } from './dialects.ts';

export type ErrorCode = 20 | 21 | 22 | 23 | 24 | 25;

/** A miner shows this in one line of its log. */
const ERROR_TEXT_LENGTH_MAX = 200;

const TRUE_TAIL = ',"result":true,"error":null}\n';

/** JSON string of any text, ASCII only and bounded. */
function quoted(text: string): string {
  const short = text.length > ERROR_TEXT_LENGTH_MAX ? `${text.slice(0, ERROR_TEXT_LENGTH_MAX - 1)}…` : text;
  return asciiJson(short);
}

/** A JSON string literal without a byte above 0x7e: what is not ASCII is escaped. */
export function asciiJson(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function errorTail(code: ErrorCode, text: string): string {
  return `,"result":null,"error":[${code},${quoted(text)},null]}\n`;
}

/** What follows the id in the answer to a submission, by verdict code. */
const VERDICT_TAILS: readonly string[] = VERDICTS.map((row) =>
  row.wireCode === 0 ? TRUE_TAIL : errorTail(row.wireCode, row.wireText),
);

/** The same as bytes, for answers that are never text. */
export const VERDICT_TAIL_BYTES: readonly Uint8Array[] = VERDICT_TAILS.map((tail) =>
  Uint8Array.from(tail, (letter) => letter.charCodeAt(0)),
);

/** @param idText the request's id as JSON text, exactly as it is to be echoed. */
export function replyVerdict(idText: string | number, verdict: number): string {
  return `{"id":${idText}${VERDICT_TAILS[verdict]!}`;
}

export function replyTrue(idText: string): string {
  return `{"id":${idText}${TRUE_TAIL}`;
}

export function replyError(idText: string, code: ErrorCode, text: string): string {
  return `{"id":${idText}${errorTail(code, text)}`;
}

export function replyPong(idText: string): string {
  return `{"id":${idText},"result":"pong","error":null}\n`;
}

/** @param extranonce 0 where the dialect does not carry it here. */
export function replySubscribe(
  idText: string,
  dialect: Dialect,
  extranonce: number,
  bytes: ExtranonceBytes = 2,
): string {
  const result =
    dialect.subscribe === 'extranonce'
      ? `[null,"${extranonceHex(extranonce, bytes)}",${NONCE_BYTES - bytes}]`
      : '[true,"EthereumStratum/1.0.0"]';
  return `{"id":${idText},"result":${result},"error":null}\n`;
}

export function pushExtranonce(form: ExtranonceForm, extranonce: number, bytes: ExtranonceBytes = 2): string {
  const hex = extranonceHex(extranonce, bytes);
  const restBytes = NONCE_BYTES - bytes;
  switch (form) {
    case 'one-param':
      return `{"id":null,"jsonrpc":"2.0","method":"mining.set_extranonce","params":["${hex}"]}\n`;
    case 'two-param':
      return `{"id":null,"method":"set_extranonce","params":["${hex}",${restBytes}]}\n`;
    case 'mining-two-param':
      return `{"id":null,"jsonrpc":"2.0","method":"mining.set_extranonce","params":["${hex}",${restBytes}]}\n`;
  }
}

/**
 * 2^log2 in plain decimal digits, exact. Number would print 2^62 rounded and 2^-24 with an exponent; 2^-n is 5^n shifted n
 * places behind the point.
 */
export function difficultyText(log2: DifficultyLog2): string {
  if (log2 >= 0) return (1n << BigInt(log2)).toString();
  return `0.${(5n ** BigInt(-log2)).toString().padStart(-log2, '0')}`;
}

/** For those whose dialect row says that they understand it; to others it is a broken pool. */
export const RECONNECT = '{"id":null,"method":"client.reconnect","params":[]}\n';

export function pushDifficulty(log2: DifficultyLog2): string {
  return `{"id":null,"jsonrpc":"2.0","method":"mining.set_difficulty","params":[${difficultyText(log2)}]}\n`;
}
