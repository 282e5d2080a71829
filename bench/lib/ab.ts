/**
 * Two commits under the same case: each in a worktree and with a build of its own, a fresh process for every turn, the order turned
 * round each round.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../src/kit/project-root.ts';
import type { Measure } from './bench-case.ts';
import { type CaseArguments, CaseFailed, runCase } from './case-run.ts';
import { type Compared, comparePaired } from './comparison.ts';
import { INTERRUPTED, Interruption } from './interruption.ts';
import { median } from './statistics.ts';

export interface OtherBuild {
  readonly commit: string;
  readonly folder: string;
  remove(): void;
}

/**
 * @throws RangeError for what is no commit, or one from before cases had a process of their own
 * @throws CaseFailed when it does not build or Ctrl-C ended that; nothing is left then
 */
export async function buildOther(ref: string, tell: (text: string) => void): Promise<OtherBuild> {
  let commit: string;
  try {
    commit = git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`);
  } catch {
    throw new RangeError(`"${ref}" is no commit of this repository`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'sluice-ab-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
    git('worktree', 'prune');
  };
  try {
    tell(`building ${commit.slice(0, 12)}`);
    git('worktree', 'add', '--detach', '--force', folder, commit);
    if (!existsSync(join(folder, 'bench', 'lib', 'case-process.ts')))
      throw new RangeError(`${ref} is from before cases ran in processes of their own`);
    const lock = 'package-lock.json';
    if (readFileSync(join(folder, lock), 'utf8') === readFileSync(join(PROJECT_ROOT, lock), 'utf8'))
      symlinkSync(join(PROJECT_ROOT, 'node_modules'), join(folder, 'node_modules'));
    else await build(ref, folder, 'npm', 'ci', '--silent');
    await build(ref, folder, 'npx', 'tsc', '-p', 'tsconfig.json');
  } catch (error) {
    remove();
    throw error;
  }
  return { commit, folder, remove };
}

async function build(ref: string, folder: string, command: string, ...args: string[]): Promise<void> {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.stdout.pipe(process.stderr, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const interruption = new Interruption(() => endGroup(child));
  try {
    // Not "exit": a compiler that outlives its wrapper holds the pipes, and would write into a folder that was removed.
    const code = await new Promise<number | null>((resolve, reject) =>
      child.on('error', reject).on('close', resolve),
    );
    if (interruption.asked) throw new CaseFailed(INTERRUPTED, 'interrupted');
    if (code !== 0)
      throw new CaseFailed(1, `${ref} does not build: ${command} ${args.join(' ')} ended with ${code}`);
  } finally {
    interruption.end();
  }
}

function endGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGTERM');
  } catch {
    // Gone meanwhile.
  }
}

export interface Duel {
  readonly caseFile: string;
  readonly given: CaseArguments;
  readonly rounds: number;
  readonly onProgress: (done: number, total: number, text: string) => void;
}

/**
 * `before` is the other commit, `after` what stands here. A case that has rounds of its own plays them in each turn; their median
 * is the turn's value.
 */
export async function playDuel(
  other: OtherBuild,
  { caseFile, given, rounds, onProgress }: Duel,
): Promise<Compared[]> {
  const inside = caseFile.slice(PROJECT_ROOT.length).replace(/^\//, '');
  const otherFile = join(other.folder, inside);
  if (!existsSync(otherFile)) throw new RangeError(`${other.commit.slice(0, 12)} has no such case`);
  const measures = { before: new Map<string, Measure>(), after: new Map<string, Measure>() };
  const sides = [
    { side: 'before', root: other.folder, file: otherFile },
    { side: 'after', root: PROJECT_ROOT, file: caseFile },
  ] as const;
  for (let round = 0; round < rounds; round++) {
    for (const [place, one] of (round % 2 === 0 ? sides : sides.toReversed()).entries()) {
      const { root, side, file } = one;
      onProgress(round * 2 + place, rounds * 2, `round ${round + 1}, ${side}`);
      const processFile = join(root, 'dist', 'bench', 'lib', 'case-process.js');
      const { result } = await runCase(processFile, file, given, () => {});
      if (result.invalid.length > 0)
        throw new CaseFailed(
          1,
          `INVALID, the duel says nothing: ${side}, round ${round + 1}: ${result.invalid.join('; ')}`,
        );
      for (const measure of result.measures.filter(({ values }) => values.length > 0)) {
        const turns = measures[side].get(measure.name)?.values ?? [];
        measures[side].set(measure.name, { ...measure, values: [...turns, median(measure.values)] });
      }
    }
  }
  return comparePaired([...measures.before.values()], [...measures.after.values()]);
}

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}
