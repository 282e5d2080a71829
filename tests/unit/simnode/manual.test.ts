import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { projectPath } from '../../../src/kit/project-root.ts';
import { COMMANDS, SIMNODE_DEFAULTS, SIMNODE_OPTIONS } from '../../../src/simnode/simnode.ts';

const manual = readFileSync(projectPath('docs', 'SIMULATED-NODE.md'), 'utf8').replaceAll('\\|', '|');

describe('the manual of the simulated node', () => {
  it.each(SIMNODE_OPTIONS.map((option) => [option.flag, option] as const))(
    'names %s with its default',
    (_flag, option) => {
      const shown = option.fallback === true ? 'on' : String(option.fallback);
      expect(manual).toContain(
        `| \`${option.flag} ${option.argument}\` |${shown === '' ? '' : ` ${shown}`} |`,
      );
    },
  );

  it.each(Object.values(COMMANDS).map((command) => command.usage))('names the command %s', (usage) => {
    expect(manual).toContain(`| \`${usage}\` |`);
  });
});

describe('the options of the simulated node', () => {
  it('parse what they print as their default', () => {
    for (const { parse, fallback, flag } of SIMNODE_OPTIONS) {
      if (flag === '--verify-signatures') continue;
      expect(parse(String(fallback))).toEqual(fallback);
    }
    expect(SIMNODE_DEFAULTS.maturityDaa).toBe(1000);
  });

  it.each([
    ['--listen', '0.0.0.0:16610', 'loopback'],
    ['--network', 'moonnet', 'mainnet, testnet-10'],
    ['--red-rate', '2', 'from 0 to 1'],
    ['--maturity', '1.5', 'an integer'],
    ['--control-port', '', 'an integer'],
    ['--without', 'everything', 'reward-info'],
  ])('refuse %s %s with what is expected', (flag, text, expected) => {
    const option = SIMNODE_OPTIONS.find((row) => row.flag === flag)!;
    expect(() => option.parse(text)).toThrow(expected);
  });
});
