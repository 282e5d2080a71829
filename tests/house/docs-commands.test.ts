import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { VERDICTS } from '../../src/domain/share.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { listFiles } from '../kit/source-tree.ts';

const read = (path: string): string => readFileSync(projectPath(path), 'utf8');
const pages = ['README.md', ...listFiles('docs', (name) => name.endsWith('.md') && !name.includes('/adr/'))];
/** Documents whose `sh` blocks are run on a server, in order. */
const RUN_ON_A_SERVER = ['docs/INSTALL.md', 'docs/UPGRADE.md', 'docs/BACKUP.md'];

let program: Command;

beforeAll(async () => {
  // The command is its own module; asked for its version it does nothing else.
  const { argv } = process;
  process.argv = ['node', 'sluice', '--version'];
  const { buildProgram } = await import('../../src/cli.ts');
  program = buildProgram();
  process.argv = argv;
  // All rooms and the official SDK are loaded.
}, 60_000);

interface Named {
  readonly page: string;
  readonly text: string;
  readonly words: readonly string[];
}

/** Every `sluice ...` of a code span or block, up to the end of that command. */
function commandsOf(page: string): Named[] {
  const text = read(page).replaceAll(/\\\n\s*/g, ' ');
  const blocks = [...text.matchAll(/```[a-z]*\n([\s\S]*?)```/g)].flatMap((match) => match[1]!.split('\n'));
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`\n]+)`/g)].map(
    (match) => match[1]!,
  );
  return [...blocks, ...spans].flatMap((line) => {
    const found = /^(?:[A-Z_]+=\S+ |npx )*sluice ([^#|>;&)]+)/.exec(line.trim());
    return found ? [{ page, text: line, words: found[1]!.trim().split(/\s+/) }] : [];
  });
}

/** What of it does not exist: '' = all of it does. */
function unknownIn(words: readonly string[]): string {
  let command = program;
  for (const word of words) {
    if (word.startsWith('...')) return '';
    const name = word.replace(/[,.]$/, '');
    if (name === 'help' || name === 'VERB') return '';
    if (/^--[a-z]/.test(name)) {
      const option = name.split('=')[0]!;
      const options = ['--help', '--version', ...command.options.map(({ long }) => long)];
      if (!options.includes(option)) return `${command.name()} has no option ${option}`;
    } else if (command.commands.length > 0) {
      const next = command.commands.find((one) => one.name() === name);
      if (!next) return `${command.name()} has no verb ${name}`;
      command = next;
    }
  }
  return '';
}

describe('the commands in the documents', () => {
  it('exist, with every option', () => {
    const named = pages.flatMap(commandsOf);
    const wrong = named
      .map(({ page, text, words }) => ({ page, text, unknown: unknownIn(words) }))
      .filter(({ unknown }) => unknown !== '');
    expect(named.length).toBeGreaterThan(60);
    expect(wrong).toEqual([]);
  });

  it.each(RUN_ON_A_SERVER)('of %s are sound for the shell, and name files that exist', (page) => {
    const blocks = [...read(page).matchAll(/```(?:sh|console)\n([\s\S]*?)```/g)].map((match) => match[1]!);
    expect(blocks.length).toBeGreaterThan(2);
    for (const block of blocks) {
      const { stderr } = spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' });
      expect(stderr).toBe('');
    }
    const files = [...read(page).matchAll(/(?<![\w/])(?:\/opt\/sluice\/)?((?:deploy|src)\/[\w./@-]+[\w])/g)];
    const missing = files.map((match) => match[1]!).filter((path) => !existsSync(projectPath(path)));
    expect(missing).toEqual([]);
  });

  it.each(RUN_ON_A_SERVER)('of %s name units that are there', (page) => {
    const units = [...read(page).matchAll(/\bsluice(?:-[a-z]+)*(?:@\d)?\.(?:service|socket|timer)\b/g)].map(
      ([name]) => name.replace(/@\d/, '@'),
    );
    const started = [
      ...read(page).matchAll(/systemctl (?:start|stop|restart|enable --now|disable --now) ([^`\n|]+)/g),
    ]
      .flatMap((match) => match[1]!.split(/[\s,]+/))
      .filter((name) => name.startsWith('sluice'))
      .map((name) => (name.includes('.') ? name : `${name.replace(/@\d$/, '@')}.service`));
    const missing = [...units, ...started].filter(
      (name) => !existsSync(projectPath('deploy', 'systemd', name)),
    );
    expect(missing).toEqual([]);
  });
});

describe('the document for makers of miners', () => {
  const text = read('docs/STRATUM.md');
  const transcripts = listFiles('tests/vectors/dialects', (name) => name.endsWith('.txt'))
    .map(read)
    .join('\n');

  it('shows lines that were recorded', () => {
    const session = text.slice(text.indexOf('## A session'), text.indexOf('Nothing but answers'));
    const jobs = session.split('\n').filter((line) => line.includes('mining.notify'));
    expect(jobs.length).toBeGreaterThan(0);
    for (const line of jobs) expect(transcripts).toContain(line);
    for (const [bytes] of text.matchAll(/[0-9a-f]{80}/g)) expect(transcripts).toContain(bytes);
  });

  it('has every refusal that the verdict table knows', () => {
    for (const { wireCode, wireText } of VERDICTS.filter(({ wireCode: code }) => code > 20))
      expect(text, `${wireCode}`).toContain(wireText);
  });
});
