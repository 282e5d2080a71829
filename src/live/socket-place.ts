/**
 * Where an engine's live socket lies: DIRECTORY/INSTANCE.sock. A socket that a dead engine left is replaced, one that a living one
 * listens on is not, and anything that is no socket is left alone.
 */
import { chmodSync, lstatSync, mkdirSync, renameSync, type Stats, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { EdgeError, messageOf } from '../kit/edge-error.ts';

export const SOCKET_SUFFIX = '.sock';
/** The engine's user and group: who may read the whole pool's live facts is a matter of the group. */
const SOCKET_MODE = 0o660;
/** `sun_path` is 108 bytes with its end. */
const PATH_BYTES_MAX = 107;
/** Nobody behind it accepts within that time: the kernel answers for a living one at once. */
const PROBE_MS = 1_000;

export interface SocketPlace {
  /** To listen on first: nobody looks for it under this name. */
  readonly temporaryPath: string;
  readonly path: string;
}

/** @throws EdgeError SLUICE_LIVE_SOCKET */
export async function socketPlace(directory: string, instance: string): Promise<SocketPlace> {
  const path = join(directory, `${instance}${SOCKET_SUFFIX}`);
  const temporaryPath = join(directory, `.${instance}.${process.pid}`);
  if (Buffer.byteLength(temporaryPath) > PATH_BYTES_MAX || Buffer.byteLength(path) > PATH_BYTES_MAX)
    throw fault(
      `${path} is longer than the ${PATH_BYTES_MAX} bytes of a socket's path`,
      'Take a shorter live.directory.',
    );
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw fault(
      `${directory} cannot be made: ${messageOf(error)}`,
      'Make it, for the user of the engine.',
      error,
    );
  }
  const found = look(path);
  if (found !== undefined && !found.isSocket())
    throw fault(`${path} is there and no socket`, 'Move it away: the engine replaces nothing but sockets.');
  if (found !== undefined && (await isListened(path)))
    throw fault(`another engine listens on ${path}`, 'Give each engine an instance name of its own.');
  if (look(temporaryPath)?.isSocket()) unlinkSync(temporaryPath);
  return { temporaryPath, path };
}

/** For whoever could not listen there, or not take the name. */
export function noListening({ path }: SocketPlace, error: unknown): EdgeError {
  return fault(`${path} cannot be listened on: ${messageOf(error)}`, 'Its folder must be writable.', error);
}

/** The socket listens under its temporary name: gives it the mode and, in one step, the name. */
export function takePlace({ temporaryPath, path }: SocketPlace): void {
  chmodSync(temporaryPath, SOCKET_MODE);
  renameSync(temporaryPath, path);
}

/** Removes the socket if it is still the one that was put there. */
export function leavePlace({ path }: SocketPlace, inode: number): void {
  const found = look(path);
  if (found?.isSocket() && found.ino === inode) unlinkSync(path);
}

export function inodeOf({ path }: SocketPlace): number {
  return look(path)?.ino ?? 0;
}

/** Of the name itself: a link is a link, whatever it points at. */
function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function isListened(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const done = (answer: boolean): void => {
      clearTimeout(timer);
      probe.destroy();
      resolve(answer);
    };
    const timer = setTimeout(done, PROBE_MS, true);
    probe.once('connect', () => done(true));
    // Refused: its engine is dead. Gone: somebody was faster.
    probe.once('error', ({ code }: NodeJS.ErrnoException) =>
      done(code !== 'ECONNREFUSED' && code !== 'ENOENT'),
    );
  });
}

function fault(text: string, remedy: string, cause?: unknown): EdgeError {
  return new EdgeError('SLUICE_LIVE_SOCKET', `live.directory: ${text}`, remedy, cause);
}
