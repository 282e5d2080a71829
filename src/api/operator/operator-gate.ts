/**
 * Who may enter the operator's listener. In: what a request says of itself. Out: a session, a token's holder, or a refusal.
 *
 *   Host a name of this machine? --> no query? --> token or cookie? --> POST: own origin, and for cookies the form's token
 *
 * Against: pages of other sites that post here or that bend their own name to 127.0.0.1, tokens tried in a row, tokens in addresses
 * (they end in histories and logs). It keeps the token's hash only.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { TokenBuckets } from '../../domain/token-bucket.ts';
import { isSameSecret, type OperatorSession, OperatorSessions } from './operator-sessions.ts';

export interface Knock {
  readonly method: string;
  readonly query: string;
  readonly host: string;
  readonly origin: string;
  readonly authorization: string;
  readonly cookie: string;
  /** Of the form or of the header x-sluice-csrf. */
  readonly csrf: string;
}

export type Entry =
  | { readonly ok: true; readonly session: OperatorSession | undefined }
  | { readonly ok: false; readonly status: 400 | 401 | 403 | 421 | 429; readonly why: string };

export const COOKIE = 'sluice_operator';
/** A mistyped token is tried again at once; whoever tries more waits for minutes. A sound token is beyond guessing anyway. */
const WRONG_TOKENS = { burst: 5, perMinute: 6, keysMax: 1 };
const LOCAL_NAMES = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

export class OperatorGate {
  readonly #tokenHash: Uint8Array;
  readonly #clock: () => number;
  readonly #sessions = new OperatorSessions();
  readonly #wrong = new TokenBuckets(WRONG_TOKENS);
  #lockedUntilMs = 0;

  /** @param tokenHash sha256 of the token */
  constructor(tokenHash: Uint8Array, clock: () => number) {
    this.#tokenHash = tokenHash;
    this.#clock = clock;
  }

  /** Before anything else is looked at. Undefined: come in as far as the login. */
  atTheDoor({ host, query, origin }: Knock): Entry | undefined {
    if (!LOCAL_NAMES.test(host))
      return no(421, 'This listener answers to localhost only; an SSH tunnel to it has that name.');
    if (query !== '')
      return no(400, 'No address here has a query; a token belongs into the header authorization.');
    // Browsers send it with every POST, and nobody can forge it there.
    const isForeign = origin !== '' && origin.toLowerCase() !== `http://${host.toLowerCase()}`;
    if (isForeign) return no(403, 'Another site must not speak for you here.');
    return undefined;
  }

  enter(knock: Knock): Entry {
    const refused = this.atTheDoor(knock);
    if (refused) return refused;
    if (knock.authorization !== '') {
      const token = /^Bearer (.+)$/i.exec(knock.authorization)?.[1] ?? '';
      const wrong = this.#refuseToken(token);
      // Nothing of a browser's own sends this header, so there is no form to forge.
      return wrong ?? { ok: true, session: undefined };
    }
    const session = this.#sessions.find(cookieOf(knock.cookie), this.#clock());
    if (!session) return no(401, 'Log in, or send the token as authorization: Bearer TOKEN.');
    if (knock.method === 'POST') {
      if (knock.origin === '') return no(403, 'A POST with a cookie must say where it comes from.');
      if (!isSameSecret(knock.csrf, session.csrf))
        return no(403, 'This form is not of your session: load the console again.');
    }
    return { ok: true, session };
  }

  login(token: string): Entry {
    return this.#refuseToken(token) ?? { ok: true, session: this.#sessions.open(this.#clock()) };
  }

  logout(session: OperatorSession | undefined): void {
    if (session) this.#sessions.close(session.id);
  }

  #refuseToken(token: string): Entry | undefined {
    const nowMs = this.#clock();
    if (nowMs < this.#lockedUntilMs) return no(429, 'Too many wrong tokens: wait some seconds.');
    const hash = createHash('sha256').update(token).digest();
    if (timingSafeEqual(hash, this.#tokenHash)) return undefined;
    if (!this.#wrong.take('', nowMs)) this.#lockedUntilMs = nowMs + 1_000 * this.#wrong.secondsPerToken;
    return no(401, 'That is not the token.');
  }
}

function no(status: Exclude<Entry, { ok: true }>['status'], why: string): Entry {
  return { ok: false, status, why };
}

function cookieOf(header: string): string {
  for (const pair of header.split(';')) {
    const [name, value] = pair.trim().split('=');
    if (name === COOKIE) return value ?? '';
  }
  return '';
}
