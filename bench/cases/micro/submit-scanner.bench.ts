/** A line into job, nonce, id and login, in the forms of several families of miners; `mixed` has a socket of each. */
import { SubmitScanner } from '../../../src/stratum/protocol/submit-scanner.ts';
import { submitLines } from '../../../wasm/submit-lines.ts';
import { defineCase } from '../../lib/bench-case.ts';
import { MICRO_PARAMETERS, playRounds, type Subject } from '../../lib/micro-rounds.ts';
import { LINE_FORMS, submitLine } from '../../lib/submit-lines.ts';

const LINES = 256;
const LF = 0x0a;
const FORMS = Object.keys(LINE_FORMS) as (keyof typeof LINE_FORMS)[];

function scanned(lines: readonly Buffer[]): number {
  const scanner = new SubmitScanner();
  let sum = 0;
  for (const line of lines)
    if (scanner.scan(line, 0, line.length)) sum += scanner.fields.jobId + scanner.requestId;
  return sum;
}

const there = new SubmitScanner(submitLines());

/** The lines as they come out of a socket: in one buffer, the one that they can be compared in. */
function compared(lines: Buffer): number {
  const { input } = submitLines();
  let sum = 0;
  lines.copy(input);
  for (let start = 0, end: number; start < lines.length; start = end + 1) {
    end = lines.indexOf(LF, start);
    if (there.scan(input, start, end)) sum += there.fields.jobId + there.requestId;
  }
  return sum;
}

function parsed(lines: readonly Buffer[]): number {
  let sum = 0;
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line.toString('utf8')) as {
      id: number;
      method: string;
      params: string[];
    };
    const nonce = BigInt(params[2]!.startsWith('0x') ? params[2]! : `0x${params[2]}`);
    if (method === 'mining.submit' && nonce > 0n) sum += Number(params[1]) + id;
  }
  return sum;
}

export default defineCase({
  kind: 'micro',
  title: 'a submission out of its line, against JSON.parse, by family of miners',
  parameters: MICRO_PARAMETERS,
  run: (context) => {
    const streams = {
      ...Object.fromEntries(
        FORMS.map((form) => [form, Array.from({ length: LINES }, (_, i) => submitLine(i, form))] as const),
      ),
      mixed: Array.from({ length: LINES }, (_, i) => submitLine(i, FORMS[i % FORMS.length])),
    };
    const subjects = Object.entries(streams).flatMap(([name, texts]): Subject[] => {
      // Without their newline: the framer has taken it.
      const lines = texts.map((text) => Buffer.from(text.trimEnd(), 'latin1'));
      const chunk = Buffer.from(texts.join(''), 'latin1');
      return [
        { name: `engine_${name}`, operations: LINES, agrees: name, run: () => compared(chunk) },
        { name: `elsewhere_${name}`, operations: LINES, agrees: name, run: () => scanned(lines) },
        { name: `json_${name}`, operations: LINES, agrees: name, run: () => parsed(lines) },
      ];
    });
    return playRounds(
      context,
      subjects,
      Object.keys(streams).map((name) => ({ name, above: `json_${name}`, below: `engine_${name}` })),
    );
  },
});
