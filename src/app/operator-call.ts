/**
 * How verbs ask a running engine's operator listener: over loopback or its Unix socket, with the token of the configuration's file. Out:
 * its JSON, or an error that says what to do. The token goes into a header and nowhere else.
 */
import { request } from 'node:http';
import { loadConfig } from '../../config/load.ts';
import { operatorListenOf, operatorPlace } from '../../config/operator-terms.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { operatorName } from './ledger-access.ts';
import { operatorToken } from './operator-token.ts';

export interface OperatorCaller {
  readonly address: string;
  /** @throws EdgeError SLUICE_OPERATOR_UNREACHABLE | SLUICE_OPERATOR_REFUSED */
  get(path: string): Promise<unknown>;
  post(path: string, body: unknown): Promise<unknown>;
}

/** A round of payouts may take a minute; everything else is there in one second. */
const PATIENCE_MS = 70_000;
const ANSWER_BYTES_MAX = 4_194_304;

/** @param edge of several engines the one of that number; undefined = there is only one */
export function operatorCaller(configFile: string, edge?: number): OperatorCaller {
  const { operator } = loadConfig(configFile);
  if (operator === undefined)
    throw new EdgeError(
      'SLUICE_OPTION_INVALID',
      'this configuration has no operator listener',
      'Set operator.listen and operator.tokenFile, and restart the engine.',
    );
  const listen = edge === undefined ? operator.listen : operatorListenOf(operator.listen, edge);
  const token = operatorToken(operator.tokenFile, process.env);
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const { status, text } = await exchange(listen, token, method, path, body);
    const answer = jsonOf(text, listen);
    if (status === 401 || status === 429)
      throw new EdgeError(
        'SLUICE_OPERATOR_REFUSED',
        `${listen} refuses us: ${String((answer as { hint?: unknown }).hint ?? status)}`,
        'operator.tokenFile must hold the token that the engine was started with.',
      );
    return answer;
  };
  return {
    address: listen,
    get: (path) => ask('GET', path),
    post: (path, body) => ask('POST', path, body),
  };
}

function jsonOf(text: string, listen: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unreachable(listen, 'what answers there is no operator listener of Sluice');
  }
}

function unreachable(listen: string, why: string): EdgeError {
  return new EdgeError(
    'SLUICE_OPERATOR_UNREACHABLE',
    `the operator listener at ${listen} cannot be reached: ${why}`,
    'Does the engine run, and may this user open its socket? Of several (`serve --edges`) ask one: `--edge 1`. `journalctl -u sluice` says more.',
  );
}

function exchange(
  listen: string,
  token: string,
  method: string,
  path: string,
  body: unknown,
): Promise<{ status: number; text: string }> {
  const place = operatorPlace(listen)!;
  const payload = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const fail = (why: unknown): void => reject(unreachable(listen, messageOf(why)));
    const sent = request(
      {
        ...(place.kind === 'socket' ? { socketPath: place.path } : { host: place.host, port: place.port }),
        ...{ method, path, timeout: PATIENCE_MS },
        headers: {
          host: 'localhost',
          authorization: `Bearer ${token}`,
          'x-sluice-person': operatorName()
            .replace(/[^\w.@-]/g, '-')
            .slice(0, 64),
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
        },
      },
      (response) => {
        const pieces: Buffer[] = [];
        let bytes = 0;
        response.on('data', (piece: Buffer) => {
          bytes += piece.length;
          if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error('its answer is too long'));
          else pieces.push(piece);
        });
        response.on('error', fail);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
        );
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', fail);
    sent.end(payload);
  });
}
