/**
 * A TCP port that is bound here and listened on by others. The supervisor holds it, so that neither the end of one engine nor of all
 * turns a miner away: who connects meanwhile waits in the kernel's queue.
 *
 * `node:net` can only bind by listening, and who listens accepts. What it binds with is not in its documentation but has been
 * there, exported, in every Node since 0.8; where it is missing this says so.
 */
import * as net from 'node:net';
import { EdgeError } from '../kit/edge-error.ts';

export interface BoundPort {
  readonly descriptor: number;
  readonly port: number;
  close(): void;
}

interface BoundHandle {
  readonly fd: number;
  getsockname(out: { port?: number }): number;
  close(): void;
}

type CreateServerHandle = (
  address: string,
  port: number,
  addressType: 4 | 6,
  fd?: number,
  flags?: number,
) => BoundHandle | number;

/** @throws EdgeError SLUICE_PORT_IN_USE | SLUICE_LISTEN_FAILED | SLUICE_EDGES */
export function bindPort(host: string, port: number): BoundPort {
  const { _createServerHandle: create } = net as unknown as { _createServerHandle?: CreateServerHandle };
  if (create === undefined) {
    throw new EdgeError(
      'SLUICE_EDGES',
      `Node ${process.versions.node} cannot bind a port for others`,
      'Let systemd bind it: deploy/systemd/sluice.socket.',
    );
  }
  const handle = create(host, port, net.isIPv6(host) ? 6 : 4);
  if (typeof handle === 'number') throw bindError(handle, `${host}:${port}`);
  const name: { port?: number } = {};
  // A port that is taken is only told of by the next call after the bind.
  const fault = handle.getsockname(name);
  if (fault !== 0) {
    handle.close();
    throw bindError(fault, `${host}:${port}`);
  }
  return { descriptor: handle.fd, port: name.port!, close: () => handle.close() };
}

/** Linux: what bind(2) says when somebody has the port. libuv's numbers are negative errnos. */
const EADDRINUSE = -98;

function bindError(code: number, where: string): EdgeError {
  return code === EADDRINUSE
    ? new EdgeError(
        'SLUICE_PORT_IN_USE',
        `stratum cannot listen on ${where}: the port is in use`,
        'Stop the other program, or give this port another number in the configuration.',
      )
    : new EdgeError(
        'SLUICE_LISTEN_FAILED',
        `stratum cannot listen on ${where}: error ${-code} of the system`,
        'Check that the host is an address of this machine, and that the port may be used.',
      );
}
