/**
 * A secret in a file that its owner alone may read. In: a path. Out: the text, in memory only. It must never print it, nor say anything
 * of it but why it cannot be used. Keys of payouts and the operator's token are read here.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EdgeError, type EdgeErrorCode, messageOf } from './edge-error.ts';

const OTHERS = 0o077;
/** systemd keeps a credential for its unit alone, by an access list that shows as the group's right to read. */
const CREDENTIAL_OTHERS = 0o037;

export interface SecretFile {
  readonly path: string;
  /** What people call it, with an article: `the key file`. */
  readonly name: string;
  readonly code: EdgeErrorCode;
  /** A longer file is some other file: its text is taken as ''. */
  readonly bytesMax: number;
  /** systemd's, where this process has one. */
  readonly credentialsDirectory?: string | undefined;
  /** For whoever finds that others could read it. */
  readonly ifLeaked: string;
}

/** Without line ends. @throws EdgeError of the given code */
export function readSecretFile(file: SecretFile): string {
  const { path, name, code, bytesMax } = file;
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw new EdgeError(code, `${name} cannot be read: ${messageOf(error)}`);
  }
  try {
    // Of what was opened, not of the name: that may be another file by now.
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new EdgeError(code, `${name} ${path} is refused: it is no file`);
    const { mode, size } = stats;
    if ((mode & (isCredential(file) ? CREDENTIAL_OTHERS : OTHERS)) !== 0) {
      throw new EdgeError(
        code,
        `others may read ${path}: its mode is ${(mode & 0o777).toString(8)}`,
        `chmod 600 ${path}; ${file.ifLeaked}`,
      );
    }
    return size > bytesMax ? '' : readFileSync(descriptor, 'latin1').trim();
  } finally {
    closeSync(descriptor);
  }
}

function isCredential({ path, credentialsDirectory }: SecretFile): boolean {
  return credentialsDirectory !== undefined && resolve(path).startsWith(`${resolve(credentialsDirectory)}/`);
}
