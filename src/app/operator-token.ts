/** The token that opens the operator's listener. In: the file that the configuration names. It is never printed. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { secretPath } from '../../config/load.ts';
import { EdgeError } from '../kit/edge-error.ts';
import { readSecretFile } from '../kit/secret-file.ts';

/** 32 hex digits are 128 bits: nobody guesses them. */
const LENGTH_MIN = 32;
const FILE_BYTES_MAX = 1_024;
const NEW_TOKEN_BYTES = 32;

/** @throws EdgeError SLUICE_OPERATOR_TOKEN */
export function operatorToken(tokenFile: string, environment: NodeJS.ProcessEnv): string {
  const path = secretPath(tokenFile, environment);
  const token = readSecretFile({
    path,
    name: 'operator.tokenFile',
    code: 'SLUICE_OPERATOR_TOKEN',
    bytesMax: FILE_BYTES_MAX,
    credentialsDirectory: environment.CREDENTIALS_DIRECTORY,
    ifLeaked: 'if others were on this machine meanwhile, write another token.',
  });
  // What a header cannot carry could never be sent.
  if (token.length >= LENGTH_MIN && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new EdgeError(
    'SLUICE_OPERATOR_TOKEN',
    `${path} holds no token of ${LENGTH_MIN} characters or more, without spaces`,
    `(umask 077; openssl rand -hex 32 > ${path}) writes one.`,
  );
}

/** A new one at `path` unless there is one. */
export function keepOperatorToken(path: string): void {
  try {
    writeFileSync(path, `${randomBytes(NEW_TOKEN_BYTES).toString('hex')}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
