/**
 * The certificate of a port and its key, from files that a renewal may replace at any time. A new pair is taken by `refresh`, for
 * connections from then on; those that stand keep theirs. A pair that cannot be read leaves the old one in force, since a port that
 * stops working at three in the morning is worse than one with a certificate that ends next month.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { EdgeError, messageOf } from '../../kit/edge-error.ts';

export class TlsIdentity {
  readonly #certFile: string;
  readonly #keyFile: string;
  #stamp: string;
  #context: SecureContext;
  #validToUnixMs = Number.NaN;

  /** @throws EdgeError SLUICE_TLS_FILES */
  constructor(certFile: string, keyFile: string) {
    this.#certFile = certFile;
    this.#keyFile = keyFile;
    this.#stamp = this.#stampOf();
    this.#context = this.#read();
  }

  get context(): SecureContext {
    return this.#context;
  }

  /** When the certificate in force ends. */
  get validToUnixMs(): number {
    return this.#validToUnixMs;
  }

  /**
   * True: the files have changed and the new pair is in force.
   * @throws EdgeError SLUICE_TLS_FILES: they have changed and are no pair; the old one stays, and the next call says so again
   */
  refresh(): boolean {
    const stamp = this.#stampOf();
    if (stamp === this.#stamp) return false;
    this.#context = this.#read();
    this.#stamp = stamp;
    return true;
  }

  #read(): SecureContext {
    try {
      const cert = readFileSync(this.#certFile);
      const context = createSecureContext({ cert, key: readFileSync(this.#keyFile), minVersion: 'TLSv1.2' });
      // Of a chain in one file this is the first: the port's own.
      this.#validToUnixMs = Date.parse(new X509Certificate(cert).validTo);
      return context;
    } catch (error) {
      throw this.#fault(error);
    }
  }

  /** Through links, which is how renewals replace files. */
  #stampOf(): string {
    try {
      return [this.#certFile, this.#keyFile]
        .map((file) => statSync(file))
        .map(({ ino, size, mtimeMs }) => `${ino}:${size}:${mtimeMs}`)
        .join(' ');
    } catch (error) {
      throw this.#fault(error);
    }
  }

  #fault(error: unknown): EdgeError {
    return new EdgeError(
      'SLUICE_TLS_FILES',
      `${this.#certFile} and ${this.#keyFile} are no certificate with its key: ${messageOf(error)}`,
      'both must be PEM, belong together and be readable by the user that Sluice runs as',
      error,
    );
  }
}
