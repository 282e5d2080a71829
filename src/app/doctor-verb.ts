/** `sluice doctor`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { loadConfig } from '../../config/load.ts';
import { examine } from './doctor/doctor.ts';
import type { Finding, FindingState } from './doctor/finding.ts';

interface Given {
  readonly config: string;
  readonly json?: boolean;
  readonly diskSeconds: number;
}

const DISK_SECONDS_MAX = 60;
const NAME_WIDTH = 28;
const PAINT: Readonly<Record<FindingState, (text: string) => string>> = {
  ok: pc.green,
  warn: pc.yellow,
  fail: pc.red,
};

export function addDoctorVerb(program: Command): void {
  program
    .command('doctor')
    .description('looks at a machine before it goes live and says what to change; changes nothing itself')
    .requiredOption('--config <file>', 'the configuration that the services will run with')
    .addOption(
      new Option('--disk-seconds <n>', 'how long the disk of the journal is measured')
        .default(2)
        .argParser((text) => {
          const value = Number(text);
          if (text.trim() === '' || !(value > 0 && value <= DISK_SECONDS_MAX))
            throw new InvalidArgumentError(`expected a number up to ${DISK_SECONDS_MAX}`);
          return value;
        }),
    )
    .option('--json', 'as JSON')
    .action(async (given: Given) => {
      process.exitCode = await runDoctor(given);
    });
}

/** 0 = it may go live, perhaps with warnings; 1 = it may not. */
async function runDoctor({ config: configFile, json, diskSeconds }: Given): Promise<number> {
  const config = loadConfig(configFile);
  const findings = await examine(config, { configFile, env: process.env, diskTrialMs: diskSeconds * 1000 });
  const count = (state: FindingState): number => findings.filter((one) => one.state === state).length;
  const summary = { ok: count('ok'), warn: count('warn'), fail: count('fail') };
  process.stdout.write(
    json ? `${JSON.stringify({ summary, findings }, null, 2)}\n` : reportText(findings, summary),
  );
  return summary.fail === 0 ? 0 : 1;
}

function reportText(findings: readonly Finding[], summary: Readonly<Record<FindingState, number>>): string {
  const lines: string[] = [];
  let area = '';
  for (const one of findings) {
    if (one.area !== area) lines.push(`${lines.length === 0 ? '' : '\n'}${pc.bold(one.area)}`);
    area = one.area;
    lines.push(`  ${PAINT[one.state](one.state.padEnd(5))}${one.name.padEnd(NAME_WIDTH)} ${one.found}`);
    if (one.expected !== '') lines.push(`         expected  ${one.expected}`);
    if (one.change !== '') lines.push(`         change    ${one.change}`);
  }
  const verdict = summary.fail === 0 ? 'It may go live.' : 'It should not go live like this.';
  return `${lines.join('\n')}\n\n${summary.ok} ok, ${summary.warn} to look at, ${summary.fail} to change. ${verdict}\n`;
}
