/** Can the ports of the configuration be bound? Each is bound and let go at once. */
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import type { Config } from '../../../config/schema.ts';
import { type Finding, fail, ok } from './finding.ts';

const ASK_TIMEOUT_MS = 3_000;

export async function lookAtPorts({ stratum, http }: Config): Promise<Finding[]> {
  const inherited = isActive('sluice.socket');
  const findings: Finding[] = [];
  for (const [index, { port }] of stratum.ports.entries()) {
    const fault = await bindFault(stratum.host, port);
    findings.push(
      fault === 'EADDRINUSE' && inherited
        ? ok('ports', `stratum.ports.${index}`, `${stratum.host}:${port}, held by sluice.socket`)
        : judge(`stratum.ports.${index}`, stratum.host, port, fault),
    );
  }
  findings.push(
    http.enabled
      ? judge('http', http.host, http.port, await bindFault(http.host, http.port))
      : ok('ports', 'http', 'not of the engine (http.enabled: false): `sluice api` opens it, where it runs'),
  );
  return findings;
}

function judge(name: string, host: string, port: number, fault: string): Finding {
  if (fault === '') return ok('ports', name, `${host}:${port} is free`);
  if (fault === 'EADDRINUSE') {
    return fail('ports', name, {
      found: `${host}:${port} is in use`,
      expected: 'a free port; if that is the engine itself, all is well',
      change: `ss -ltnp 'sport = :${port}' names the program`,
    });
  }
  return fail('ports', name, {
    found: `${host}:${port}: ${fault}`,
    expected: 'an address of this machine and a port that may be bound',
    change:
      fault === 'EACCES'
        ? 'a port above 1023, or let systemd bind it: deploy/systemd/sluice.socket'
        : 'stratum.host or http.host',
  });
}

/** '' = it can be bound. */
function bindFault(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('')));
  });
}

function isActive(unit: string): boolean {
  const { stdout } = spawnSync('systemctl', ['is-active', unit], {
    encoding: 'utf8',
    timeout: ASK_TIMEOUT_MS,
  });
  return stdout?.trim() === 'active';
}
