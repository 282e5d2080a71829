/** What became of a point of the checklist, and how a check says so. Pure. */

export type Finding =
  | { readonly result: 'pass'; readonly note: string }
  | { readonly result: 'fail'; readonly expected: string; readonly seen: string }
  | { readonly result: 'not-applicable'; readonly why: string };

/** Longer bytes are cut in a report. */
const SEEN_LENGTH_MAX = 600;

/** The server did something else. */
export class Unmet extends Error {
  readonly expected: string;
  readonly seen: string;

  constructor(expected: string, seen: string) {
    super(`expected ${expected}, saw ${seen}`);
    this.expected = expected;
    this.seen = seen.slice(0, SEEN_LENGTH_MAX);
  }
}

/** This cannot be asked of this server in this run. */
export class NotApplicable extends Error {}

export function demand(met: boolean, expected: string, seen: string | (() => string)): asserts met {
  if (!met) throw new Unmet(expected, typeof seen === 'string' ? seen : seen());
}

/** As a JSON string would show it: NULs and line ends can be seen. */
export function shown(bytes: string): string {
  return JSON.stringify(bytes);
}

/** Whatever a check threw, as a finding. A fault of our own is a failure as well: nothing was shown. */
export function findingOf(thrown: unknown): Finding {
  if (thrown instanceof Unmet) return { result: 'fail', expected: thrown.expected, seen: thrown.seen };
  if (thrown instanceof NotApplicable) return { result: 'not-applicable', why: thrown.message };
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return { result: 'fail', expected: 'a check that runs to its end', seen: text };
}
