import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { projectPath } from '../../src/kit/project-root.ts';

/** What `systemd-analyze security` gives at most: 10 is a service without any wall, and the engine must talk to the internet. */
const EXPOSURE_MAX = 1.5;
const LAUNCH = '/usr/bin/node /opt/sluice/src/launch.mjs';

const FOLDER = projectPath('deploy', 'systemd');
const units = readdirSync(FOLDER).filter((name) => !name.endsWith('.conf'));
const services = units.filter((name) => name.endsWith('.service'));
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
const skipped = hasAnalyze ? '' : ' (skipped: systemd-analyze not installed)';
const scratch = mkdtempSync(join(tmpdir(), 'sluice-units-'));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the units of systemd', () => {
  it('are there for every role', () => {
    expect(services.sort()).toEqual([
      'sluice-api.service',
      'sluice-backup.service',
      'sluice-migrate.service',
      'sluice-payer.service',
      'sluice.service',
      'sluice@.service',
    ]);
  });

  it.skipIf(!hasAnalyze).each(services)(`%s is walled in to ${EXPOSURE_MAX} or better${skipped}`, (name) => {
    const { stdout } = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', '--no-pager', join(FOLDER, name)],
      { encoding: 'utf8' },
    );
    const exposure = /Overall exposure level for \S+ (\d+\.\d)/.exec(stdout)?.[1];
    expect(Number(exposure)).toBeGreaterThan(0);
    expect(Number(exposure)).toBeLessThanOrEqual(EXPOSURE_MAX);
  });

  it.skipIf(!hasAnalyze)(`are free of faults${skipped}`, () => {
    for (const name of units) {
      // What is installed elsewhere is not here: the same unit, started with what is.
      const text = read(name).replaceAll(LAUNCH, `${process.execPath} ${projectPath('src', 'launch.mjs')}`);
      writeFileSync(join(scratch, name), text.replaceAll(/^Documentation=.*$/gm, ''));
    }
    const copies = units.map((name) => join(scratch, name));
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--no-pager', '--man=no', ...copies], {
      encoding: 'utf8',
    });
    expect(stderr).not.toMatch(/sluice/);
    expect(status).toBe(0);
  });

  it('let nothing write machine code away but leave the compiler of V8 alone', () => {
    for (const name of services) expect(read(name)).not.toMatch(/^MemoryDenyWriteExecute=yes/m);
  });

  it('let threads of an engine step back behind miners, and no other process change priorities', () => {
    // Where a filter says no and yes of one call, the later line holds.
    const stepping = services.filter((name) =>
      /~@privileged @resources\n(?:#.*\n)*SystemCallFilter=setpriority$/m.test(read(name)),
    );
    expect(stepping).toEqual(['sluice.service', 'sluice@.service']);
  });

  it('pass every secret as a credential, none as a variable', () => {
    for (const name of services) {
      expect(read(name), name).toMatch(/^LoadCredential=database-url:/m);
      expect(read(name), name).not.toMatch(/^Environment=.*(?:postgres:|KEY|PASSWORD|SECRET)/im);
    }
  });

  it('check the configuration where all its secrets are, in the engine: the others have no token and no TLS key', () => {
    const checking = services.filter((name) => /^ExecStartPre=.* config check /m.test(read(name)));
    expect(checking).toEqual(['sluice.service', 'sluice@.service']);
  });

  it('have the payer’s key in the payer alone', () => {
    expect(services.filter((name) => read(name).includes('payout-key'))).toEqual(['sluice-payer.service']);
  });
});

const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0;
const deploy = (...parts: string[]): string => readFileSync(projectPath('deploy', ...parts), 'utf8');
const noNginx = has('nginx', '-v') && has('openssl', 'version') ? '' : ' (skipped: nginx not installed)';
const noHaproxy = has('haproxy', '-v') ? '' : ' (skipped: haproxy not installed)';

describe('what stands in front', () => {
  it.skipIf(noNginx !== '')(`is a configuration that nginx takes${noNginx}`, () => {
    const [certificate, key] = [join(scratch, 'fullchain.pem'), join(scratch, 'privkey.pem')];
    const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=x'];
    spawnSync('openssl', [...made, '-keyout', key, '-out', certificate]);
    const site = deploy('nginx', 'sluice.conf')
      .replaceAll('/etc/nginx/sluice-tls', scratch)
      .replaceAll('/var/cache/nginx/sluice', join(scratch, 'cache'));
    const whole = join(scratch, 'nginx.conf');
    const paths = `pid ${join(scratch, 'nginx.pid')}; error_log ${join(scratch, 'error.log')};`;
    writeFileSync(whole, `${paths} events {} http { access_log off;\n${site}\n}\n`);
    const { status, stderr } = spawnSync('nginx', ['-t', '-q', '-c', whole, '-p', scratch], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it.skipIf(noHaproxy !== '')(`is a configuration that HAProxy takes${noHaproxy}`, () => {
    const { status } = spawnSync('haproxy', ['-c', '-f', projectPath('deploy', 'haproxy', 'haproxy.cfg')]);
    expect(status).toBe(0);
  });
});

describe('the containers', () => {
  it('start verbs that exist, as nobody in particular, with their secrets as files', () => {
    const compose = parse(deploy('docker', 'compose.yaml'), { merge: true }) as {
      services: Record<string, { command?: string[]; environment?: object; secrets?: string[] }>;
      secrets: Record<string, unknown>;
    };
    const verbs = Object.values(compose.services).flatMap(({ command }) => command?.slice(0, 1) ?? []);
    expect(verbs.sort()).toEqual(['migrate', 'payer', 'serve']);
    for (const { secrets = [] } of Object.values(compose.services))
      for (const name of secrets) expect(Object.keys(compose.secrets)).toContain(name);
    expect(deploy('docker', 'Dockerfile')).toMatch(/^USER sluice$/m);
    expect(deploy('docker', 'Dockerfile')).toMatch(/^HEALTHCHECK /m);
  });
});
