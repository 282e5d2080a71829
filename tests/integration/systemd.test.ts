import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { projectPath } from '../../src/kit/project-root.ts';
import { connectSystemd } from '../../src/kit/systemd.ts';
import { missingForNotify, NotifySocket } from '../kit/notify-socket.ts';
import { pollUntil } from '../kit/poll-until.ts';

const missing = missingForNotify();
const WATCHDOG_USEC = '200000';

describe.skipIf(missing !== '')(`what systemd is told${missing}`, () => {
  let socket: NotifySocket;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    socket = await NotifySocket.open();
  });

  afterEach(() => {
    child?.kill('SIGKILL');
    socket.close();
  });

  function startChild(): ChildProcess {
    child = fork(projectPath('dist', 'tests', 'kit', 'notifying-child.js'), {
      env: { ...process.env, NOTIFY_SOCKET: socket.path, WATCHDOG_USEC },
    });
    return child;
  }

  it('is the state first, then a ping with the status for as long as the main loop turns', async () => {
    const service = startChild();
    await socket.told('READY=1');
    await socket.told('WATCHDOG=1');
    expect(socket.datagrams()[0]).toEqual(['READY=1', 'STATUS=turning']);
    expect(socket.datagrams().find((one) => one.includes('WATCHDOG=1'))).toContain('STATUS=turning');
    service.send('leave');
    await once(service, 'exit');
    await socket.told('STOPPING=1');
  });

  it('is nothing while the main loop is stuck: nobody feeds the watchdog in its place', async () => {
    const service = startChild();
    const pings = (): number => socket.datagrams().filter((one) => one.includes('WATCHDOG=1')).length;
    await socket.told('WATCHDOG=1');
    service.send('stick');
    await once(service, 'message');
    const before = pings();
    await once(service, 'message');
    // What was written before it stuck may still have been on its way.
    expect(pings()).toBeLessThanOrEqual(before + 1);
    const after = pings();
    await pollUntil('it pings again', () => pings() > after + 1);
  });

  it('is a reload with its time, and ready again', async () => {
    const systemd = connectSystemd({ PATH: process.env.PATH, NOTIFY_SOCKET: socket.path }, process.pid);
    systemd.ready(() => 'a status\nof two lines');
    systemd.reloading();
    systemd.ready(() => 'again');
    await socket.told('STATUS=again');
    systemd.close();
    const [first, second] = socket.datagrams();
    expect(first).toEqual(['READY=1', 'STATUS=a status of two lines']);
    expect(second![0]).toBe('RELOADING=1');
    expect(second![1]).toMatch(/^MONOTONIC_USEC=\d+$/);
  });
});

describe('a process without systemd', () => {
  it('tells nobody', () => {
    const systemd = connectSystemd({}, process.pid);
    systemd.ready(() => 'x');
    systemd.close();
  });

  it('does not hand the socket on to its children', () => {
    const env: Record<string, string | undefined> = {
      NOTIFY_SOCKET: '/x',
      WATCHDOG_USEC: '1',
      WATCHDOG_PID: '1',
    };
    connectSystemd(env, process.pid).close();
    expect(Object.values(env).filter((value) => value !== undefined)).toEqual([]);
  });
});
