/**
 * A private key in a file: 64 hexadecimal digits, readable by its owner alone. In: a path. Out: the digits, in memory only. It must
 * never print them, nor say anything of them but that they are no key. The treasury's and accounts' keys are read here.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';
import { isPrivateKey } from './message-signature.ts';

const OTHERS = 0o077;
/** systemd keeps a credential for its unit alone, by an access list that shows as the group's right to read. */
const CREDENTIAL_OTHERS = 0o037;
/** 64 digits and a line end; more is some other file. */
const FILE_BYTES_MAX = 128;

/** @param credentialsDirectory systemd's, where this process has one */
export function readKeyFile(path: string, credentialsDirectory?: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    throw new EdgeError('SLUICE_KEY_FILE', `the key file cannot be read: ${messageOf(error)}`);
  }
  try {
    // Of what was opened, not of the name: that may be another file by now.
    const stats = fstatSync(descriptor);
    if (!stats.isFile())
      throw new EdgeError('SLUICE_KEY_FILE', `the key file ${path} is refused: it is no file`);
    const { mode, size } = stats;
    const isCredential =
      credentialsDirectory !== undefined && resolve(path).startsWith(`${resolve(credentialsDirectory)}/`);
    if ((mode & (isCredential ? CREDENTIAL_OTHERS : OTHERS)) !== 0) {
      throw new EdgeError(
        'SLUICE_KEY_FILE',
        `others may read ${path}: its mode is ${(mode & 0o777).toString(8)}`,
        `chmod 600 ${path}; if others were on this machine meanwhile, use another key.`,
      );
    }
    const key = size > FILE_BYTES_MAX ? '' : readFileSync(descriptor, 'latin1').trim().toLowerCase();
    if (!isPrivateKey(key)) {
      throw new EdgeError(
        'SLUICE_KEY_FILE',
        `${path} holds no private key`,
        'Expected 64 hexadecimal digits.',
      );
    }
    return key;
  } finally {
    closeSync(descriptor);
  }
}

/** A new key at `path` unless there is one; never over one that is there. */
export function keepKeyFile(path: string): string {
  let key: string;
  do key = randomBytes(32).toString('hex');
  while (!isPrivateKey(key));
  try {
    writeFileSync(path, `${key}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readKeyFile(path);
}
