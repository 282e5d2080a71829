/** One miner that connects, logs in and waits for its first job: how long that took, or that it never came. */
import { connect } from 'node:net';

export interface Arrival {
  /** From the connect call to the first job; NaN = none came in time, or the connection ended. */
  readonly firstJobMs: number;
  /** Hangs up, and resolves when the connection is gone. */
  leave(): Promise<void>;
}

export function arrive(port: number, login: string, timeoutMs: number): Promise<Arrival> {
  const startedMs = performance.now();
  const socket = connect({ host: '127.0.0.1', port });
  socket.setNoDelay(true).setEncoding('latin1');
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const leave = async (): Promise<void> => {
    socket.destroy();
    await gone;
  };
  return new Promise((resolve) => {
    const end = (firstJobMs: number): void => {
      clearTimeout(limit);
      socket.removeAllListeners('data');
      // What follows is read and dropped, as a miner would read it.
      socket.resume();
      resolve({ firstJobMs, leave });
    };
    const limit = setTimeout(() => end(Number.NaN), timeoutMs);
    let text = '';
    socket.on('error', () => end(Number.NaN));
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('"mining.notify"')) end(performance.now() - startedMs);
    });
    socket.write(
      `{"id":1,"method":"mining.subscribe","params":["BzMiner-v20"]}\n{"id":2,"method":"mining.authorize","params":["${login}","x"]}\n`,
    );
  });
}
