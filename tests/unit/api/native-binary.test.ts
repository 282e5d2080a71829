import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  NATIVE_FOLDER,
  NATIVE_SHA256,
  nativeTarget,
  verifiedBinary,
} from '../../../src/api/native-binary.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-native-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the native half of uWebSockets.js', () => {
  it('is known by checksum for every binary installed that this project can run on', () => {
    for (const file of readdirSync(NATIVE_FOLDER)) {
      const target = file.replace(/^uws_|\.node$/g, '');
      // ABI 108 is Node 18, which the engine does not run on.
      if (target.endsWith('_108')) continue;
      expect(verifiedBinary(target).sha256).toBe(NATIVE_SHA256[target]);
    }
  });

  it('is not loaded when a single byte of it differs', () => {
    const target = nativeTarget();
    const file = `uws_${target}.node`;
    if (!existsSync(join(NATIVE_FOLDER, file))) return;
    copyFileSync(join(NATIVE_FOLDER, file), join(folder, file));
    expect(verifiedBinary(target, folder).path).toBe(`${folder}/${file}`);
    writeFileSync(join(folder, file), '\0', { flag: 'a' });
    expect(() => verifiedBinary(target, folder)).toThrow(
      expect.objectContaining({ code: 'SLUICE_HTTP_NATIVE_CHECKSUM' }),
    );
  });

  it('is missing with a remedy where nothing fits', () => {
    expect(() => verifiedBinary('linux_x64_137')).toThrow(
      expect.objectContaining({
        code: 'SLUICE_HTTP_NATIVE_MISSING',
        remedy: expect.stringContaining('node'),
      }),
    );
  });
});
