/**
 * Recorded sessions of `tests/vectors/dialects`: one line of the wire per line of the file, `C ` from the client, `S ` from the server,
 * with \t, \0 and \r written out.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { projectPath } from '../../src/kit/project-root.ts';

export interface Transcript {
  readonly client: string;
  readonly dialect: string;
  readonly lines: readonly { readonly from: 'C' | 'S'; readonly text: string }[];
}

const ESCAPES: Readonly<Record<string, string>> = { '\\t': '\t', '\\0': '\0', '\\r': '\r' };

export function readTranscripts(): Transcript[] {
  const folder = projectPath('tests', 'vectors', 'dialects');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .map((name) => parse(readFileSync(`${folder}/${name}`, 'utf8')));
}

function parse(file: string): Transcript {
  const [head = '', ...rest] = file.trimEnd().split('\n');
  const [, client, dialect] = /^# (\S+), dialect (\S+)$/.exec(head) ?? [];
  if (client === undefined || dialect === undefined) throw new Error(`no transcript: ${head}`);
  const lines = rest.map((line) => {
    const [, from, text] = /^([CS]) (.*)$/.exec(line) ?? [];
    if (text === undefined) throw new Error(`neither C nor S: ${line}`);
    return { from: from as 'C' | 'S', text: text.replace(/\\[t0r]/g, (written) => ESCAPES[written]!) };
  });
  return { client, dialect, lines };
}

/** The lines in turns: what the client says in one go, then what it hears. */
export function turnsOf({ lines }: Transcript): { said: string[]; heard: string[] }[] {
  const turns: { said: string[]; heard: string[] }[] = [];
  for (const { from, text } of lines) {
    if (from === 'C' && (turns.length === 0 || turns.at(-1)!.heard.length > 0))
      turns.push({ said: [], heard: [] });
    turns.at(-1)![from === 'C' ? 'said' : 'heard'].push(text);
  }
  return turns;
}
