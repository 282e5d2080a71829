/**
 * `sluice payer` with somebody's hand on its shoulder: it stops at a named point when it was told to, says so, and stands there until it
 * is killed or told to go on. A program of its own, so that no option and no variable of the real one can do it.
 *
 *   parent -> { arm: point }         child -> { kind: 'at', point }         parent -> { goOn: true }, or SIGKILL
 */
import { runPayer } from '../../src/app/payer.ts';
import type { CrashPoint } from '../../src/payout/crash-points.ts';

export interface PayerOrder {
  readonly arm?: CrashPoint;
  readonly goOn?: boolean;
}

const [configFile = '', first] = process.argv.slice(2);
let armed: CrashPoint | undefined = first === undefined ? undefined : (first as CrashPoint);
let goOn: () => void = () => {};

process.on('message', (order: PayerOrder) => {
  if (order.arm) armed = order.arm;
  if (order.goOn) goOn();
});

process.exitCode = await runPayer(configFile, async (point) => {
  if (point !== armed) return;
  armed = undefined;
  const told = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  process.send?.({ kind: 'at', point });
  await told;
});
