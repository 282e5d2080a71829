/**
 * The trial of the raw adapter: one connection on loopback that does all that miners do. Whoever passes may serve them; a Node whose
 * internals have changed fails here, in some milliseconds at start, instead of with ten thousand machines connected.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { RawAdapter, type RawStreams, rawStreams } from './raw-adapter.ts';

/** A busy machine at start; a trial that hangs has failed. */
const TRIAL_LIMIT_MS = 2_000;
const GREETING = 'from the peer\n';
const PIECE = 'x'.repeat(1 << 20);
/** More than the kernel keeps for a reader that does not read: writes must wait, and be done later. */
const PIECES_MAX = 64;

let tried: Promise<RawStreams | undefined> | undefined;

/** The internals, when they do what is needed of them; otherwise undefined. Never throws; a process tries once. */
export function tryRawStreams(): Promise<RawStreams | undefined> {
  tried ??= runTrial();
  return tried;
}

async function runTrial(): Promise<RawStreams | undefined> {
  const streams = rawStreams();
  if (streams === undefined) return undefined;
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
  let peer: Socket | undefined;
  let limit: NodeJS.Timeout | undefined;
  try {
    const passed = new Promise<boolean>((resolve) => {
      limit = setTimeout(() => resolve(false), TRIAL_LIMIT_MS);
      server.on('error', () => resolve(false));
      server.on('connection', (socket) => {
        // What throws is one more way to fail.
        try {
          if (!serve(socket, streams, resolve)) resolve(false);
        } catch {
          resolve(false);
        }
      });
    });
    peer = await connectTo(server);
    return (await passed) ? streams : undefined;
  } catch {
    return undefined;
  } finally {
    clearTimeout(limit);
    peer?.destroy();
    server.close();
  }
}

/** The peer greets, reads all that comes (it lives in this process, so not while we write), and hangs up after us. */
async function connectTo(server: Server): Promise<Socket> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const peer = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  peer.on('error', () => {});
  peer.write(GREETING);
  peer.resume();
  return peer;
}

/** Reads the greeting, writes text and bytes until the kernel takes no more, and passes when all is gone and the peer too. */
function serve(socket: Socket, streams: RawStreams, end: (passed: boolean) => void): boolean {
  let read = '';
  let drained = false;
  const adapter = RawAdapter.take(socket, streams, () => {});
  if (adapter === undefined) return false;
  adapter.listen({
    onData: (chunk) => {
      read += chunk.toString('latin1');
      if (read !== GREETING) return;
      for (let piece = 0; piece < PIECES_MAX && adapter.backlogBytes === 0; piece++) {
        adapter.write(piece % 2 === 0 ? PIECE : Buffer.from(PIECE, 'latin1'));
      }
      if (adapter.backlogBytes === 0) end(false);
    },
    onDrain: () => {
      drained = true;
      adapter.end();
    },
    onEnd: () => {},
    onClose: (failed) => end(!failed && drained && read === GREETING && adapter.backlogBytes === 0),
  });
  return true;
}
