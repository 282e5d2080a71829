/**
 * Builds `heavyhash.wasm` from `heavyhash/` and `submit-lines.wasm` from `submit-lines/`, and writes their checksums beside them.
 * `node wasm/build.mjs [output folder]`.
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
const MODULES = ['heavyhash', 'submit-lines'];

const FLAGS = [
  ['--enable', 'simd'],
  // Nothing is allocated after start, so the smallest runtime does, and the module imports nothing.
  ['--runtime', 'stub'],
  ['--noAssert'],
  ['-O3', '--converge'],
].flat();

const folder = resolve(process.argv[2] ?? HERE);

/** The compiler asks for files relative to `baseDir`; giving it ours keeps the caller's working directory out of it. */
async function build(module) {
  const name = `${module}.wasm`;
  let binary;
  const { error, stderr } = await asc.main(
    [`${module}/index.ts`, '--baseDir', HERE, '--outFile', name, ...FLAGS],
    {
      readFile: (file, baseDir) => {
        try {
          return readFileSync(resolve(baseDir, file), 'utf8');
        } catch {
          // Not there: the compiler tries several places for each import.
          return null;
        }
      },
      writeFile: (file, contents) => {
        if (file === name) binary = contents;
      },
    },
  );
  if (error || binary === undefined) {
    process.stderr.write(`${stderr.toString()}\n${error?.message ?? 'the compiler wrote nothing'}\n`);
    process.exit(1);
  }
  const sha256 = createHash('sha256').update(binary).digest('hex');
  await writeFile(join(folder, name), binary);
  await writeFile(join(folder, `${name}.sha256`), `${sha256}  ${name}\n`);
  process.stdout.write(`${name}: ${binary.length} bytes, sha256 ${sha256}\n`);
}

await mkdir(folder, { recursive: true });
for (const module of MODULES) await build(module);
