/**
 * Listening sockets that a process was born with: from systemd (`sd_listen_fds(3)`) or from `sluice serve --edges`, which speaks the
 * same. They lie at descriptor 3 and on, LISTEN_FDS says how many, LISTEN_FDNAMES what each is for. Pure.
 *
 * A socket may come several times. Node accepts one connection per handle and turn of the loop, so copies of one socket are how
 * a storm of reconnects gets in quickly: 8,000 in 0.6 s with eight copies, in 1.1 s with one.
 */
import { EdgeError } from '../../kit/edge-error.ts';

export interface InheritedSocket {
  readonly descriptor: number;
  /** '' = none was given. */
  readonly name: string;
}

const FIRST_DESCRIPTOR = 3;
/** More names than this are no configuration of ours. */
const DESCRIPTORS_MAX = 4_096;
const NAME = 'stratum';

/** How a socket for the port at this place of `stratum.ports` is called. */
export function socketName(portIndex: number): string {
  return `${NAME}.${portIndex}`;
}

/** Empty: nothing was inherited, or it is for another process than this. */
export function inheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): readonly InheritedSocket[] {
  const { LISTEN_FDS: countText, LISTEN_PID: pidText, LISTEN_FDNAMES: namesText } = env;
  // Without a pid it comes from a supervisor of ours, which cannot know it before the process is there.
  if (countText === undefined || (pidText !== undefined && Number(pidText) !== pid)) return [];
  const count = Number(countText);
  if (!Number.isInteger(count) || count < 0 || count > DESCRIPTORS_MAX) {
    throw new EdgeError(
      'SLUICE_SOCKETS_INHERITED',
      `LISTEN_FDS is "${countText}", which is no number of descriptors`,
      'It is set by systemd or by `sluice serve --edges`; do not set it by hand.',
    );
  }
  const names = namesText === undefined ? [] : namesText.split(':');
  return Array.from({ length: count }, (_, index) => ({
    descriptor: FIRST_DESCRIPTOR + index,
    name: names[index] ?? '',
  }));
}

/** The descriptors of each port. All of one port come together, or none. Throws an EdgeError that says how to name them. */
export function descriptorsByPort(
  sockets: readonly InheritedSocket[],
  ports: number,
): readonly (readonly number[])[] {
  const byPort: number[][] = Array.from({ length: ports }, () => []);
  for (const { descriptor, name } of sockets) {
    const place = new RegExp(`^${NAME}\\.(\\d{1,3})$`).exec(name)?.[1];
    // With one port there is nothing to tell apart, and systemd's own name is that of the unit.
    const index = place === undefined && ports === 1 ? 0 : Number(place);
    if (!(index < ports)) {
      throw new EdgeError(
        'SLUICE_SOCKETS_INHERITED',
        `the inherited socket "${name}" belongs to none of the ${ports} stratum ports`,
        `Name it in its .socket unit: FileDescriptorName=${socketName(0)} is the first of stratum.ports.`,
      );
    }
    byPort[index]!.push(descriptor);
  }
  return byPort;
}
