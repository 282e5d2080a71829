/**
 * The operator's thread: listener, console and books, apart from the pages' thread. Who floods those must not keep the operator out, and
 * nothing that the operator asks may cost the main thread more than a message.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { OperatorGate } from '../api/operator/operator-gate.ts';
import { loadOperatorPages } from '../api/operator/operator-pages.ts';
import { createOperatorRoutes, operatorFailure } from '../api/operator/operator-routes.ts';
import { startOperatorServer } from '../api/operator/operator-server.ts';
import type { ReloadAnswer } from '../api/operator/status-schema.ts';
import { EdgeError, messageOf } from '../kit/edge-error.ts';
import { BooksDesk } from './operator-books.ts';
import { ConsoleDesk } from './operator-desk.ts';
import type { FromOperatorThread, OperatorThreadData, ToOperatorThread } from './operator-messages.ts';

const data = workerData as OperatorThreadData;
const port = parentPort!;
const tell = (message: FromOperatorThread): void => port.postMessage(message);

let { engines, configuration } = data;
let toldAtMs = performance.now();
let questions = 0;
const waiting = new Map<number, (answer: ReloadAnswer) => void>();

async function serve(): Promise<void> {
  const books = new BooksDesk(data.databaseUrl);
  const desk = new ConsoleDesk({
    service: data.service,
    books,
    banFile: data.banFile,
    // A main thread that is silent makes all of them older.
    engines: () =>
      engines.map(({ report, ageMs }) => ({ report, ageMs: ageMs + performance.now() - toldAtMs })),
    configuration: () => configuration,
    reload: (dryRun) =>
      new Promise((resolve) => {
        const id = ++questions;
        waiting.set(id, resolve);
        tell({ kind: 'reload', id, dryRun });
      }),
    bansChanged: () => tell({ kind: 'bans' }),
    log: (who, what, outcome) => tell({ kind: 'note', who, what, outcome }),
  });
  const gate = new OperatorGate(data.tokenHash, () => performance.now());
  const handle = createOperatorRoutes({ gate, desk, pages: loadOperatorPages() });
  const server = await startOperatorServer(data.place, handle, operatorFailure);
  port.on('message', (message: ToOperatorThread) => {
    switch (message.kind) {
      case 'engines':
        engines = message.engines;
        toldAtMs = performance.now();
        return;
      case 'configuration':
        configuration = message.view;
        return;
      case 'reloaded':
        waiting.get(message.id)?.(message.answer);
        waiting.delete(message.id);
        return;
      case 'close':
        void Promise.allSettled([server.close(), books.close()]).then(() => process.exit(0));
    }
  });
  tell({ kind: 'listening', address: server.address });
}

try {
  await serve();
} catch (thrown) {
  const { code, remedy } =
    thrown instanceof EdgeError ? thrown : { code: 'SLUICE_OPERATOR_LISTEN', remedy: '' };
  tell({ kind: 'failed', code, message: messageOf(thrown), remedy });
  process.exit(1);
}
