/**
 * A private key in a file: 64 hexadecimal digits, readable by its owner alone. In: a path. Out: the digits, in memory only. It must
 * never print them, nor say anything of them but that they are no key. The treasury's and accounts' keys are read here.
 */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { EdgeError } from '../../kit/edge-error.ts';
import { readSecretFile } from '../../kit/secret-file.ts';
import { isPrivateKey } from './message-signature.ts';

/** 64 digits and a line end; more is some other file. */
const FILE_BYTES_MAX = 128;

/** @param credentialsDirectory systemd's, where this process has one */
export function readKeyFile(path: string, credentialsDirectory?: string): string {
  const key = readSecretFile({
    path,
    name: 'the key file',
    code: 'SLUICE_KEY_FILE',
    bytesMax: FILE_BYTES_MAX,
    credentialsDirectory,
    ifLeaked: 'if others were on this machine meanwhile, use another key.',
  }).toLowerCase();
  if (isPrivateKey(key)) return key;
  throw new EdgeError('SLUICE_KEY_FILE', `${path} holds no private key`, 'Expected 64 hexadecimal digits.');
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
