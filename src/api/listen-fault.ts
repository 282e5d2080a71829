/** Ports: finding a free one, and saying in one sentence why one cannot be had. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { EdgeError, messageOf } from '../kit/edge-error.ts';

/** What an operator can do, by the system's code. */
export function listenFault(host: string, port: number, thrown: unknown): EdgeError {
  const code = (thrown as { code?: string } | undefined)?.code;
  const where = `${host}:${port}`;
  if (code === 'EADDRINUSE') {
    return new EdgeError(
      'SLUICE_PORT_IN_USE',
      `the page cannot listen on ${where}: another program does`,
      'Set http.port to a free one, or stop the other program.',
      thrown,
    );
  }
  if (code === 'EACCES') {
    return new EdgeError(
      'SLUICE_PORT_FORBIDDEN',
      `the page may not listen on ${where}`,
      'Ports below 1024 need a privilege; take a higher one and put a proxy in front.',
      thrown,
    );
  }
  return new EdgeError(
    'SLUICE_HTTP_LISTEN',
    `the page cannot listen on ${where}: ${messageOf(thrown)}`,
    'Set http.host to an address of this machine.',
    thrown,
  );
}

/** Listens for a moment with node:net, whose errors have codes. Returns the port; throws what `listen` emits. */
export async function probePort(host: string, port: number): Promise<number> {
  const probe = createServer();
  probe.listen(port, host);
  await once(probe, 'listening');
  const { port: got } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return got;
}
