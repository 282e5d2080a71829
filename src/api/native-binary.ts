/**
 * The native half of uWebSockets.js: which file fits this process, and whether it is the one that was looked at.
 *
 * The repack on the registry carries binaries that nobody can rebuild byte for byte, so the file is hashed before it is
 * loaded, and that very file is loaded: a swapped binary must not get to run even once.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { projectPath } from '../kit/project-root.ts';

/** sha256 by `platform_arch_abi`; ABI 108 = Node 18, 115 = Node 20, 120 = Node 21, 127 = Node 22. From uws-pack 20.0.8. */
export const NATIVE_SHA256: Readonly<Record<string, string>> = {
  darwin_arm64_115: '5d523bccbe80d3d8fa59422ff81801b8179212b9a8a5da28bff6926a95a65701',
  darwin_arm64_120: '98ffa032aeb84b98d432502738871c5748f6a636536d5705702c4985925a41ae',
  darwin_arm64_127: 'abbeea53d48e21c01808203e9f9835728f2cea720d2e5b154837ee3045b513be',
  darwin_x64_115: '1f2a5c73d9dc3066d39b675b73f2c50eddbc4f270d292a6126ddfe3757c54cf9',
  darwin_x64_120: '3dc10babf35b3ce5d4edc7deaddf912a5a72a0ac7ad52b098dbe430c3c540313',
  darwin_x64_127: 'afd992dc1ca1e33cdc7ce0c72a60baf236e590a257fcecbbbce7bc1a35451387',
  linux_arm64_115: 'c0e29fc143b46b584f3debec7910014ec228198fc1f17aaeacd1de7991bd3769',
  linux_arm64_120: 'a855e3b7cc0db70ec503e296d50e91d2435db679bc3bd5433d7dae30e93c9b3c',
  linux_arm64_127: 'd4c4f8b2c28c5f6544b49e36d91b0beee238a5b90a07904a947f77061c8b814d',
  linux_arm_115: 'b02d5bc5ab08f040b6b9b818c3eb92806611f77a4dc2439a8f14cac827d498be',
  linux_arm_120: '814b5e63337d5072a85276d5279824b4f9817f8008fcff1f4a4345e2f2c30444',
  linux_arm_127: '0e1d4024b629a1fe17ec76cde8fe7e320101eb8bdcf7b2c4086933932e3cea23',
  linux_x64_115: '6f8d96d761a64beddb060f1f7f0e617dd293ed127ec1d57507aa561a0083171e',
  linux_x64_120: 'fcb1172837abd2a2dd130f6c6502f18e9b562a5d88bcc3bcdca5e6e710278080',
  linux_x64_127: '8cabc918bbf9a07323e54f89a33882491080b2eb35df0607f473ccdb1f3c31af',
  win32_x64_115: '58c8b8e47ae3dc6c382dbfc24656755106cbecce56add05ca2c32d5c39951ddd',
  win32_x64_120: '90a09f33c5c876094340a283fa1197b518251a5b8a1f59d9e963736ef0532eb6',
  win32_x64_127: '585d6ee2dbfc750b1d5a59e6ceaef8a977e90ef3e298a82821d58b41cd72a8c0',
};

export interface NativeBinary {
  readonly path: string;
  readonly sha256: string;
}

export const NATIVE_FOLDER = projectPath('node_modules', 'uWebSockets.js', 'dist', 'bin');

/** The verified binary for `target` (`platform_arch_abi`); throws an EdgeError that says why there is none. */
export function verifiedBinary(target: string, folder: string = NATIVE_FOLDER): NativeBinary {
  const path = `${folder}/uws_${target}.node`;
  const expected = NATIVE_SHA256[target];
  if (expected === undefined || !existsSync(path)) {
    throw new EdgeError(
      'SLUICE_HTTP_NATIVE_MISSING',
      `uWebSockets.js has no binary for ${target}`,
      'Leave http.engine at auto or set it to node; Node 20 and 22 have binaries.',
    );
  }
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
  if (sha256 !== expected) {
    throw new EdgeError(
      'SLUICE_HTTP_NATIVE_CHECKSUM',
      `the uWebSockets.js binary for ${target} has sha256 ${sha256}, expected ${expected}`,
      'Install the dependencies again (npm ci); if it happens again, do not trust the source they come from.',
    );
  }
  return { path, sha256 };
}

export function nativeTarget(): string {
  return `${process.platform}_${process.arch}_${process.versions.modules}`;
}

export type UwsModule = typeof import('uWebSockets.js');

/** Loads the very file that was hashed. It may still not fit this machine's C library. */
export function loadNative(binary: NativeBinary): UwsModule {
  try {
    return createRequire(import.meta.url)(binary.path) as UwsModule;
  } catch (thrown) {
    throw new EdgeError(
      'SLUICE_HTTP_NATIVE_LOAD',
      `the uWebSockets.js binary cannot be loaded: ${messageOf(thrown).split('\n')[0]}`,
      'Leave http.engine at auto or set it to node.',
      thrown,
    );
  }
}
