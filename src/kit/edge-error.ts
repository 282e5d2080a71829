/** The one error class of the edges: branch on `code`, show `message` and `remedy` to a person. */

export type EdgeErrorCode = `SLUICE_${string}`;

export class EdgeError extends Error {
  readonly code: EdgeErrorCode;
  /** What the reader can do about it, one sentence. */
  readonly remedy: string;

  constructor(code: EdgeErrorCode, message: string, remedy = '', cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'EdgeError';
    this.code = code;
    this.remedy = remedy;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
