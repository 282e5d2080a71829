#!/usr/bin/env node
// The `sluice` command. In a checkout it compiles first when a source is newer than the last build, so that `npm start` is
// one command; an installed package brings its build along and never gets here.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const entry = join(root, 'dist', 'src', 'cli.js');
const stamp = join(root, 'dist', '.built');
const sourceFolders = ['src', 'workers', 'wasm', 'config', 'bench', 'tests'];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Sluice needs Node 20.19 or newer; this is ${process.version}.\n`);
  process.exit(2);
}

function newestSourceMs(folder) {
  let newest = 0;
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, item.name);
    if (item.isDirectory()) newest = Math.max(newest, newestSourceMs(path));
    else if (item.name.endsWith('.ts')) newest = Math.max(newest, statSync(path).mtimeMs);
  }
  return newest;
}

function buildIsStale() {
  if (!existsSync(entry) || !existsSync(stamp)) return true;
  const builtMs = statSync(stamp).mtimeMs;
  const inputs = sourceFolders.map((folder) => join(root, folder)).filter(existsSync);
  return Math.max(statSync(join(root, 'tsconfig.json')).mtimeMs, ...inputs.map(newestSourceMs)) > builtMs;
}

function build() {
  const startedAt = new Date();
  let compiler;
  try {
    compiler = createRequire(import.meta.url).resolve('typescript/package.json');
  } catch {
    process.stderr.write(
      'Sluice is not built and TypeScript is not installed. Run `npm ci` (with dev dependencies) first.\n',
    );
    process.exit(3);
  }
  const result = spawnSync(
    process.execPath,
    [join(dirname(compiler), 'bin', 'tsc'), '-p', join(root, 'tsconfig.json')],
    {
      stdio: 'inherit',
    },
  );
  if (result.status !== 0) process.exit(result.status ?? 1);
  writeFileSync(stamp, '');
  utimesSync(stamp, startedAt, startedAt);
}

if (existsSync(join(root, 'tsconfig.json'))) {
  try {
    if (buildIsStale()) build();
  } catch (error) {
    // A checkout that belongs to somebody else can still be run when it has been built.
    if (!existsSync(entry) || (error.code !== 'EACCES' && error.code !== 'EROFS')) throw error;
  }
}
await import(pathToFileURL(entry).href);
