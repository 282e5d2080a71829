/**
 * The HTTP engine on uWebSockets.js.
 *
 * Its native handles make three demands that nothing else here has:
 * - a response object dies with its socket, and touching it then ends the process: every asynchronous answer checks `aborted`;
 * - a request object is only valid until its handler returns: what is needed of it is copied at once;
 * - a thread that ends with the server open aborts the whole process (measured: exit 134), so `close` must have run first.
 *
 * And one that every server has: who sends requests and reads no answers must not make us keep them. The server parses all requests of a
 * chunk before it looks whether answers are read: 40,000 small ones on a socket became 800 MB of answers here. But it closes a connection
 * whose next request comes while an answer is pending. So no answer is given inside the parse (see AnswerQueue), and it stays pending until
 * the kernel has all of it (`tryEnd`): a connection has one answer under way, and only the headers of it are ours to keep.
 */
import type { TemplatedApp, HttpResponse as UwsResponse, us_listen_socket } from 'uWebSockets.js';
import type { HttpEngine, HttpEngineOptions } from './http-engine.ts';
import { listenFault, probePort } from './listen-fault.ts';
import type { UwsModule } from './native-binary.ts';
import { AnswerQueue, answer, Exchange, headOf } from './uws-exchange.ts';
import { liveBehaviour } from './uws-live.ts';

/** Without it the port is shared with whoever else sets SO_REUSEPORT, and "in use" is never found out. */
const LISTEN_EXCLUSIVE = 1;

export async function startUwsEngine(uws: UwsModule, options: HttpEngineOptions): Promise<HttpEngine> {
  const { host, limits, livePath } = options;
  const app = uws.App();
  const queue = new AnswerQueue();
  let connections = 0;
  const countConnection = (response: UwsResponse, change: number): void => {
    connections += change;
    if (change > 0 && connections > limits.connectionsMax) response.close();
  };
  app.filter(countConnection);
  app.any('/*', (response, native) => {
    answer(new Exchange(response, native), headOf(response, native), options, queue);
  });
  // The filter hears of a connection's beginning, but not of its end once it is a live socket.
  app.ws(
    livePath,
    liveBehaviour(options, queue, () => connections--),
  );
  // On port 0 this build sets no SO_REUSEADDR, and then a restart finds its own port taken for a minute by sockets in
  // TIME_WAIT. So a free port is looked for first and asked for by its number.
  const port = options.port === 0 ? await probePort(host, 0) : options.port;
  await listen(app, host, port);
  return {
    name: 'uws',
    port,
    publish: (topic, text) => {
      app.publish(topic, text);
    },
    close: async () => {
      app.close();
      // The handles are freed by the loop, not by the call.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    },
  };
}

/** The package's types know no `listen` with host and options; the binary does. */
type ListenAt = (
  host: string,
  port: number,
  options: number,
  callback: (socket: us_listen_socket | false) => void,
) => void;

async function listen(app: TemplatedApp, host: string, port: number): Promise<void> {
  const heard = await new Promise<boolean>((resolve) => {
    (app.listen as unknown as ListenAt).call(app, host, port, LISTEN_EXCLUSIVE, (socket) =>
      resolve(socket !== false),
    );
  });
  if (heard) return;
  // uWebSockets.js says only "false": asking the same of node:net brings the reason to light.
  try {
    await probePort(host, port);
  } catch (thrown) {
    throw listenFault(host, port, thrown);
  }
  throw listenFault(host, port, new Error('refused without a reason'));
}
