/**
 * `npm run bench` lists the cases; `npm run bench -- NAME [options]` runs one, in a process of its own.
 *
 * A case is a file `bench/cases/<kind>/<name>.bench.ts`; its one line in the list is the first sentence of its opening comment.
 * It prints for people, or with `--json` one JSON object on stdout. `--json FILE` here appends that object to FILE as
 * one line, together with the machine it was measured on.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectPath } from '../src/kit/project-root.ts';
import { type Machine, machineNow, machineText } from './lib/machine.ts';

interface BenchCase {
  readonly name: string;
  readonly kind: string;
  readonly file: string;
  readonly line: string;
}

/** Raised when a field changes its meaning. */
const RECORD_VERSION = 1;
const ENDING = '.bench.js';

function findCases(): BenchCase[] {
  const root = projectPath('dist', 'bench', 'cases');
  return readdirSync(root)
    .sort()
    .flatMap((kind) =>
      readdirSync(join(root, kind))
        .filter((name) => name.endsWith(ENDING))
        .sort()
        .map((name) => {
          const file = join(root, kind, name);
          return {
            name: name.slice(0, -ENDING.length),
            kind,
            file,
            line: openingLine(readFileSync(file, 'utf8')),
          };
        }),
    );
}

/** The first sentence of the file's comment, as one line. */
function openingLine(source: string): string {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(source)?.[1] ?? '';
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trim());
  const text: string[] = [];
  for (const line of lines) {
    if (line !== '') text.push(line);
    else if (text.length > 0) break;
  }
  return text.join(' ').replace(/\.\s.*$/, '.');
}

function list(cases: readonly BenchCase[]): void {
  console.log(
    'npm run bench -- NAME [options] [--json FILE]      (bench/README.md tells how to read them)\n',
  );
  const width = Math.max(...cases.map(({ name }) => name.length));
  for (const { name, kind, line } of cases)
    console.log(`  ${name.padEnd(width)}  ${kind.padEnd(5)}  ${line}`);
}

async function run(one: BenchCase, args: readonly string[], recordFile: string | undefined): Promise<number> {
  const machine = machineNow();
  console.log(`${machineText(machine)}\n`);
  const caseArgs = recordFile === undefined ? args : [...args, '--json'];
  const child = spawn(process.execPath, [...process.execArgv, one.file, ...caseArgs], {
    stdio: ['ignore', recordFile === undefined ? 'inherit' : 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  // The case stops its servers itself; the terminal's Ctrl-C reaches it as well.
  process.on('SIGINT', () => {});
  const code = await new Promise<number>((resolve) => child.on('close', (exit) => resolve(exit ?? 1)));
  if (recordFile !== undefined && code === 0) append(recordFile, one, args, machine, said);
  return code;
}

function append(file: string, one: BenchCase, args: readonly string[], machine: Machine, said: string): void {
  const result = JSON.parse(said) as object;
  const record = {
    version: RECORD_VERSION,
    case: one.name,
    args,
    machine,
    loadAfter: machineNow().load1,
    result,
  };
  appendFileSync(file, `${JSON.stringify(record)}\n`);
  console.log(`\nappended to ${file}`);
}

/** Takes `--json FILE` out of the arguments; the rest is the case's. */
function splitArguments(given: readonly string[]): { args: string[]; recordFile: string | undefined } {
  const args = [...given];
  const at = args.indexOf('--json');
  if (at < 0) return { args, recordFile: undefined };
  const [, recordFile] = args.splice(at, 2);
  if (recordFile === undefined) throw new Error('--json takes a file to append to');
  return { args, recordFile };
}

const cases = findCases();
const [name, ...given] = process.argv.slice(2);
if (name === undefined || name === '--help') list(cases);
else {
  const one = cases.find((other) => other.name === name);
  if (one) {
    const { args, recordFile } = splitArguments(given);
    process.exitCode = await run(one, args, recordFile);
  } else {
    console.error(`there is no bench "${name}"\n`);
    list(cases);
    process.exitCode = 2;
  }
}
