/** Submissions as miners write them, for cases that need no real work behind them. */

const LOGIN = `kaspadev:${'q'.repeat(61)}.rig`;

/** What the families of miners put around the same three values. */
export const LINE_FORMS = {
  plain: (id: number, login: string, job: number, nonce: string) =>
    `{"id":${id},"method":"mining.submit","params":["${login}","${job}","${nonce}"]}\n`,
  spaced: (id: number, login: string, job: number, nonce: string) =>
    `{"id": ${id}, "method": "mining.submit", "params": ["${login}", "${job}", "0x${nonce}"]}\n`,
  jsonrpc: (id: number, login: string, job: number, nonce: string) =>
    `{"id":${id},"jsonrpc":"2.0","method":"mining.submit","params":["${login}","${job}","${nonce}"]}\n`,
  paramsFirst: (id: number, login: string, job: number, nonce: string) =>
    `{"params":["${login}","${job}","${nonce}"],"id":${id},"method":"mining.submit"}\n`,
} as const;

/** The `index`th of a stream of lines that all differ. */
export function submitLine(index: number, form: keyof typeof LINE_FORMS = 'plain'): string {
  const nonce = `0001${(0x7f4a_0000 + index * 7919).toString(16).padStart(12, '0')}`;
  return LINE_FORMS[form](3 + index, `${LOGIN}${index % 1000}`, 100_000 + (index >> 6), nonce);
}
