/**
 * Two commits under the same case: each in a worktree and with a build of its own, a fresh process for every turn, the order turned
 * round each round.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../src/kit/project-root.ts';
import type { Measure } from './bench-case.ts';
import { type CaseArguments, runCase } from './case-run.ts';
import { type Compared, compareMeasures } from './comparison.ts';

export interface OtherBuild {
  readonly commit: string;
  readonly folder: string;
  remove(): void;
}

/** @throws RangeError for what is no commit, or one from before cases had a process of their own */
export function buildOther(ref: string, tell: (text: string) => void): OtherBuild {
  let commit: string;
  try {
    commit = git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`);
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
    else execFileSync('npm', ['ci', '--silent'], { cwd: folder, stdio: 'inherit' });
    execFileSync('npx', ['tsc', '-p', 'tsconfig.json'], { cwd: folder, stdio: 'inherit' });
  } catch (error) {
    remove();
    throw error;
  }
  return { commit, folder, remove };
}

export interface Duel {
  readonly caseFile: string;
  readonly given: CaseArguments;
  readonly rounds: number;
  readonly onProgress: (done: number, total: number, text: string) => void;
}

/** `before` is the other commit, `after` what stands here. A case that has rounds of its own plays them in each turn. */
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
      if (result.invalid.length > 0) throw new Error(`${side} was INVALID: ${result.invalid.join('; ')}`);
      for (const measure of result.measures) {
        const values = [...(measures[side].get(measure.name)?.values ?? []), ...measure.values];
        measures[side].set(measure.name, { ...measure, values });
      }
    }
  }
  return compareMeasures([...measures.before.values()], [...measures.after.values()]);
}

function git(...args: string[]): string {
  return execFileSync('git', args, {
    cwd: PROJECT_ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}
