/**
 * `sluice status`: how is it, in one word, and why. Asked of the operator's listener that the configuration names. Exit codes: 0 OK,
 * 1 DEGRADED, 2 wrong usage or token, 3 DOWN or not to be reached.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type OperatorStatus, operatorStatus } from '../api/operator/status-schema.ts';
import { EdgeError } from '../kit/edge-error.ts';
import type { VerdictState } from '../live/verdict.ts';
import { type OperatorCaller, operatorCaller } from './operator-call.ts';
import { statusLine, statusText } from './status-screen.ts';

interface Given {
  readonly config: string;
  readonly edge?: number;
  readonly watch?: boolean;
  readonly json?: boolean;
}

const EXIT_CODES: Readonly<Record<VerdictState, number>> = { OK: 0, DEGRADED: 1, DOWN: 3 };
const REDRAW_MS = 1_000;
const PLAIN_LINE_MS = 5_000;
const EDGES_MAX = 64;

export function addStatusVerb(program: Command): void {
  program
    .command('status')
    .description('how a running engine is: OK, DEGRADED or DOWN, and why; exit code 0, 1 or 3')
    .requiredOption('--config <file>', 'configuration with operator.listen and operator.tokenFile')
    .addOption(edgeOption())
    .addOption(new Option('--watch', 'again and again, until Ctrl-C'))
    .addOption(new Option('--json', 'the whole document').conflicts('watch'))
    .action(async (given: Given) => {
      const caller = operatorCaller(given.config, given.edge);
      process.exitCode = given.watch ? await watch(caller) : await once(caller, given.json === true);
    });
}

/** Of `sluice status` and `sluice config diff`. */
export function edgeOption(): Option {
  return new Option('--edge <n>', 'the engine of that number, under serve --edges').argParser((text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1 || value > EDGES_MAX)
      throw new InvalidArgumentError(`expected a whole number from 1 to ${EDGES_MAX}`);
    return value;
  });
}

async function once(caller: OperatorCaller, asJson: boolean): Promise<number> {
  const status = await fetchStatus(caller);
  process.stdout.write(asJson ? `${JSON.stringify(status, null, 2)}\n` : statusText(status));
  return EXIT_CODES[status.verdict.state];
}

/** On a terminal one screen, redrawn; else a line now and then. An engine that is away is waited for. */
async function watch(caller: OperatorCaller): Promise<number> {
  const redraw = process.stdout.isTTY === true;
  let exitCode = EXIT_CODES.DOWN;
  let asked = false;
  let wake = (): void => {};
  process.once('SIGINT', () => {
    asked = true;
    wake();
  });
  while (!asked) {
    let text: string;
    try {
      const status = await fetchStatus(caller);
      exitCode = EXIT_CODES[status.verdict.state];
      text = redraw ? statusText(status) : `${statusLine(status)}\n`;
    } catch (error) {
      if (!(error instanceof EdgeError) || error.code !== 'SLUICE_OPERATOR_UNREACHABLE') throw error;
      exitCode = EXIT_CODES.DOWN;
      text = `DOWN  ${error.message}\n`;
    }
    // The whole screen: what is drawn has more or fewer lines every time.
    process.stdout.write(redraw ? `\x1b[H\x1b[2J${text}` : text);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, redraw ? REDRAW_MS : PLAIN_LINE_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  return exitCode;
}

async function fetchStatus(caller: OperatorCaller): Promise<OperatorStatus> {
  const parsed = operatorStatus.safeParse(await caller.get('/operator/status.json'));
  if (parsed.success) return parsed.data;
  throw new EdgeError(
    'SLUICE_OPERATOR_UNREACHABLE',
    `${caller.address} answers in another form than this version reads`,
    'Use the `sluice` of the version that runs.',
  );
}
