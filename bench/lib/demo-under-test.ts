/** The demo as anybody starts it, in a folder of its own, up to a miner whose page has figures. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DEMO_NETWORK } from '../../src/app/demo-plan.ts';
import { projectPath } from '../../src/kit/project-root.ts';
import { demoAddresses } from '../../src/miner/miner.ts';
import { databaseFolder } from './database-folder.ts';

export interface DemoUnderTest {
  /** Without a slash at the end. */
  readonly url: string;
  /** Of one of its miners. */
  readonly address: string;
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 120_000;
const PAGES_AT = /http:\/\/127\.0\.0\.1:\d+/;

export async function startDemo(): Promise<DemoUnderTest> {
  const folder = databaseFolder('sluice-bench-demo-');
  const child = spawn(
    process.execPath,
    [
      ...[projectPath('dist', 'src', 'cli.js'), 'demo', '--data', join(folder, 'data')],
      ...['--stratum-port', '0', '--http-port', '0'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  const address = demoAddresses(DEMO_NETWORK, 1)[0]!;
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  try {
    for (;;) {
      const url = PAGES_AT.exec(said)?.[0];
      if (url !== undefined && (await statusOf(`${url}/api/v1/miners/${address}`)) === 200)
        return { url, address, stop };
      if (child.exitCode !== null || performance.now() > deadlineMs)
        throw new Error(`the demo has no miner's page yet:\n${said}`);
      await delay(200);
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

function statusOf(url: string): Promise<number> {
  return fetch(url).then(
    ({ status }) => status,
    () => 0,
  );
}
