/**
 * Which other sites may read the JSON interface from a browser and open live sockets. Pure.
 *
 * Nothing here is behind a login, so a foreign page learns nothing that its reader could not ask for himself; the rule is for operators
 * who do not want others to build on their pool. Only browsers send an origin, and only they keep to the answer: who sends none passes.
 */

export class OriginRule {
  readonly #all: boolean;
  readonly #named: ReadonlySet<string>;

  /** @param allowed `*`, or origins such as `https://pool.example` */
  constructor(allowed: readonly string[]) {
    this.#all = allowed.includes('*');
    this.#named = new Set(allowed.map((one) => originOf(one)).filter((one) => one !== undefined));
  }

  /** For live sockets: CORS does not hold there. The pool's own pages pass always. */
  admits(origin: string, host: string): boolean {
    if (this.#all || origin === '') return true;
    const asked = originOf(origin);
    if (asked === undefined) return false;
    return this.#named.has(asked) || new URL(asked).host === host.toLowerCase();
  }

  /** For answers of the JSON interface. `vary` says that the next site may get another answer. */
  headers(origin: string): Readonly<Record<string, string>> {
    if (this.#all) return OPEN_TO_ALL;
    const asked = originOf(origin);
    if (asked === undefined || !this.#named.has(asked)) return { vary: 'origin' };
    return {
      'access-control-allow-origin': asked,
      'cross-origin-resource-policy': 'cross-origin',
      vary: 'origin',
    };
  }
}

const OPEN_TO_ALL: Readonly<Record<string, string>> = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
};

/** As browsers write it; undefined for `null` (sandboxed frames, files) and whatever is no origin at all. */
function originOf(text: string): string | undefined {
  if (!/^https?:\/\/[^/?#@\\\s]+$/i.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text).origin;
}
