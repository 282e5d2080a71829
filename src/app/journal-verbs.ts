/** `sluice journal inspect | verify`. */
import type { Command } from 'commander';
import { formatInspection, inspectJournal, shareLines } from '../journal/inspect.ts';
import { formatVerification, verifyJournal } from '../journal/verify.ts';

export function addJournalVerbs(program: Command): void {
  const journal = program.command('journal').description('look into a share journal');
  journal
    .command('inspect')
    .description('what lies in a journal folder: segments, starts, records, times')
    .argument('<folder>')
    .option('--json', 'as JSON')
    .option('--shares', 'print every share as a line of JSON instead')
    .action(async (folder: string, options: { json?: boolean; shares?: boolean }) => {
      if (options.shares) {
        for await (const line of shareLines(folder)) process.stdout.write(`${line}\n`);
        return;
      }
      const inspection = await inspectJournal(folder);
      process.stdout.write(
        options.json ? `${JSON.stringify(inspection, null, 2)}\n` : formatInspection(inspection),
      );
    });
  journal
    .command('verify')
    .description('check every record: checksums, gaps, definitions; exit code 1 when something is wrong')
    .argument('<folder>')
    .option('--json', 'as JSON')
    .action(async (folder: string, options: { json?: boolean }) => {
      const verification = await verifyJournal(folder);
      process.stdout.write(
        options.json ? `${JSON.stringify(verification, null, 2)}\n` : formatVerification(verification),
      );
      process.exitCode = verification.ok ? 0 : 1;
    });
}
