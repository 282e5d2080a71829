/**
 * What all flow cases owe their reader: progress on stderr while they run, then either a table for people or, with `--json`,
 * one JSON object on stdout, which `bench/run` puts into a record.
 */

export interface CaseOutput {
  progress(text: string): void;
  /** Once, at the end. */
  result(table: string, json: object): void;
}

export function caseOutput(json: boolean): CaseOutput {
  return {
    progress: (text) => process.stderr.write(`${text}\n`),
    result: (table, object) => {
      if (json) process.stderr.write(`${table}\n`);
      process.stdout.write(`${json ? JSON.stringify(object) : table}\n`);
    },
  };
}

/** Options of a case are numbers: `--seconds 8`. Ends the process with 2 on nonsense. */
export function numberOption(name: string, text: string, min: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= min) return value;
  process.stderr.write(`--${name} takes a number from ${min}, not "${text}"\n`);
  process.exit(2);
}

/** Columns of text, the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]! + 2)))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}
