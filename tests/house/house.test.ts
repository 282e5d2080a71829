import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/kit/project-root.ts';
import { readSources, type SourceFile } from '../kit/source-tree.ts';

/**
 * Imports point down. A room may import rooms of lower floors and itself, never a room beside it.
 * `wasm` and `config/limits` are ground that every room stands on.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['src/kit', 'config/limits.ts'],
  ['src/domain', 'wasm', 'config'],
  ['src/chains'],
  ['src/simnode', 'src/journal', 'src/templates', 'src/live'],
  ['src/ledger'],
  ['src/validation'],
  ['workers'],
  ['src/stratum', 'src/api', 'src/miner', 'src/payout', 'src/conformance'],
  ['src/app'],
  ['src/cli.ts'],
];

const PURE = ['src/domain', 'src/stratum/protocol', 'src/templates', 'src/chains/kaspa/header-hash.ts'];
const JUNK_DRAWERS = /(^|[-.])(utils?|helpers?|commons?|types?|managers?|misc|shared|interfaces?)([-.]|$)/;

const sources = readSources(['src', 'workers', 'wasm', 'config']).filter(
  (file) => !/^wasm\/[a-z-]+\//.test(file.path),
);
const byPath = new Map(sources.map((file) => [file.path, file]));

function roomOf(path: string): { room: string; floor: number } {
  for (const [floor, rooms] of FLOORS.entries()) {
    const room = rooms.find((one) => path === one || path.startsWith(`${one}/`));
    if (room) return { room, floor };
  }
  throw new Error(`${path} stands in no room of the house`);
}

describe('the house', () => {
  it('has a room for every file', () => {
    for (const file of sources) expect(() => roomOf(file.path)).not.toThrow();
  });

  it('lets imports point down only', () => {
    const upward = sources.flatMap((file) => {
      const from = roomOf(file.path);
      return file.imports
        .filter((target) => target.endsWith('.ts'))
        .map((target) => ({ target, to: roomOf(target) }))
        .filter(({ to }) => to.room !== from.room && to.floor >= from.floor)
        .map(({ target }) => `${file.path} -> ${target}`);
    });
    expect(upward).toEqual([]);
  });

  it('imports only files that exist', () => {
    const missing = sources.flatMap((file) =>
      file.imports
        .filter((target) => !existsSync(join(PROJECT_ROOT, target)))
        .map((target) => `${file.path} -> ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it('has no circle of imports, type imports included', () => {
    expect(findCircle(sources)).toEqual([]);
  });

  it('has no dead file: everything is reached from the command or a thread entry', () => {
    const roots = sources.filter(
      (file) => file.path === 'src/cli.ts' || /\.(thread|worker)\.ts$/.test(file.path),
    );
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const target of byPath.get(path)?.imports ?? []) visit(target);
    };
    for (const root of roots) visit(root.path);
    const dead = sources.filter((file) => !reached.has(file.path) && !file.path.endsWith('.d.ts'));
    expect(dead.map((file) => file.path)).toEqual([]);
  });

  it('keeps files under 400 lines', () => {
    const tests = readSources(['tests', 'bench']);
    const long = [...sources, ...tests].filter((file) => file.lines.length > 400);
    expect(long.map((file) => `${file.path}: ${file.lines.length}`)).toEqual([]);
  });

  it('has no junk drawers and names files in kebab-case', () => {
    for (const file of sources) {
      const name = basename(file.path);
      expect(name, file.path).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*(\.(thread|worker|d))?\.ts$/);
      expect(name.replace(/\.d\.ts$/, '.ts'), file.path).not.toMatch(JUNK_DRAWERS);
    }
  });

  it('keeps clocks, chance and I/O out of the pure rooms', () => {
    const impure = sources
      .filter((file) => PURE.some((room) => file.path === room || file.path.startsWith(`${room}/`)))
      .filter(
        (file) =>
          /\bDate\.now\(|\bMath\.random\(|\bperformance\.now\(|\bsetTimeout\(/.test(stripComments(file)) ||
          file.packages.some((name) => /^node:(fs|net|http|child_process|worker_threads|os)/.test(name)),
      );
    expect(impure.map((file) => file.path)).toEqual([]);
  });

  it('uses no word that has a better one', () => {
    const banned: [RegExp, string][] = [
      [/\bsetTimeout\([^)]*,\s*0\)/, 'setImmediate: setTimeout(0) costs a millisecond'],
      [/\bconsole\.\w+\(/, 'the log'],
      [/^\s*(export\s+)?(const\s+)?enum\s/m, 'an `as const` object'],
      [/\bparseInt\(/, 'Number or a scanner'],
      [/\b(TODO|FIXME|XXX)\b/, 'an issue'],
    ];
    const found = sources.flatMap((file) =>
      banned
        .filter(([pattern]) => pattern.test(stripComments(file)))
        .map(([, better]) => `${file.path}: use ${better}`),
    );
    expect(found).toEqual([]);
  });

  it('names no machine: no absolute home or build folders, no hosts of registries', () => {
    const files = [
      ...sources,
      ...readSources(['tests', 'bench']),
      ...readSources(['docs', 'deploy', '.ci'], () => true),
    ].filter((file) => file.path !== 'tests/house/house.test.ts');
    const named = files.filter((file) =>
      /\/(home|root|Users)\/[a-z]+\/|registry\.[a-z]+\.(org|com|io)|artifactory/i.test(file.text),
    );
    expect(named.map((file) => file.path)).toEqual([]);
  });

  it('comments between a tenth and a third of its lines', () => {
    let comments = 0;
    let written = 0;
    for (const file of sources) {
      for (const line of file.lines) {
        const text = line.trim();
        if (text === '') continue;
        written++;
        if (/^(\/\/|\/\*|\*)/.test(text)) comments++;
      }
    }
    expect(comments / written).toBeGreaterThan(0.1);
    expect(comments / written).toBeLessThan(0.33);
  });

  it('keeps its top level to the folders that the design names', () => {
    const allowed = new Set([
      ...['src', 'workers', 'bench', 'wasm', 'config', 'migrations', 'tests', 'docs', 'deploy'],
      ...[
        'package.json',
        'package-lock.json',
        'tsconfig.json',
        'biome.json',
        'vitest.config.mjs',
        'README.md',
        'LICENSE',
      ],
      ...['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'NOTICE', 'node_modules', 'dist'],
    ]);
    const extra = readdirSync(PROJECT_ROOT).filter(
      (name) => !name.startsWith('.') && !allowed.has(name) && !name.endsWith('.log'),
    );
    expect(extra.filter((name) => name !== 'out.json')).toEqual([]);
  });
});

function stripComments(file: SourceFile): string {
  return file.text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}

/** The first circle met, as a list of paths; empty when there is none. */
function findCircle(files: readonly SourceFile[]): string[] {
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const visit = (path: string): string[] => {
    if (state.get(path) === 'done') return [];
    if (state.get(path) === 'open') return [...trail.slice(trail.indexOf(path)), path];
    state.set(path, 'open');
    trail.push(path);
    for (const target of byPath.get(path)?.imports ?? []) {
      const circle = visit(target);
      if (circle.length > 0) return circle;
    }
    trail.pop();
    state.set(path, 'done');
    return [];
  };
  for (const file of files) {
    const circle = visit(file.path);
    if (circle.length > 0) return circle;
  }
  return [];
}
