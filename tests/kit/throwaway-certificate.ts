import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface ThrowawayCertificate {
  readonly folder: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Another pair takes the place of the one that was there. */
  renew(name: string): void;
  cert(): Buffer;
  remove(): void;
}

/** A self-signed certificate and its key, made here and now and worth nothing anywhere else. */
export function throwawayCertificate(name = 'localhost'): ThrowawayCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-tls-'));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const renew = (subject: string): void => {
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
        ...['-days', '2', '-subj', `/CN=${subject}`, '-keyout', keyFile, '-out', certFile],
      ],
      { stdio: 'ignore' },
    );
  };
  renew(name);
  return {
    ...{ folder, certFile, keyFile, renew },
    cert: () => readFileSync(certFile),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
