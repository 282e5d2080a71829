/**
 * Builds `heavyhash.wasm` from `heavyhash/` and writes its checksum beside it. `node wasm/build.mjs [output folder]`.
 *
 * The same sources and the same pinned `assemblyscript` give the same bytes on every machine: no paths, names or times go
 * into the module. A test builds into a folder of its own and compares.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const HERE = dirname(fileURLToPath(import.meta.url));
const NAME = 'heavyhash.wasm';

const FLAGS = [
  ['--enable', 'simd'],
  // Nothing is allocated after start, so the smallest runtime does, and the module imports nothing.
  ['--runtime', 'stub'],
  ['--noAssert'],
  ['-O3', '--converge'],
].flat();

const folder = resolve(process.argv[2] ?? HERE);

/** The compiler asks for files relative to `baseDir`; giving it ours keeps the caller's working directory out of it. */
let binary;
const { error, stderr } = await asc.main(
  ['heavyhash/index.ts', '--baseDir', HERE, '--outFile', NAME, ...FLAGS],
  {
    readFile: (name, baseDir) => {
      try {
        return readFileSync(resolve(baseDir, name), 'utf8');
      } catch {
        // Not there: the compiler tries several places for each import.
        return null;
      }
    },
    writeFile: (name, contents) => {
      if (name === NAME) binary = contents;
    },
  },
);

if (error || binary === undefined) {
  process.stderr.write(`${stderr.toString()}\n${error?.message ?? 'the compiler wrote nothing'}\n`);
  process.exit(1);
}

const sha256 = createHash('sha256').update(binary).digest('hex');
await mkdir(folder, { recursive: true });
await writeFile(join(folder, NAME), binary);
await writeFile(join(folder, `${NAME}.sha256`), `${sha256}  ${NAME}\n`);
process.stdout.write(`${NAME}: ${binary.length} bytes, sha256 ${sha256}\n`);
