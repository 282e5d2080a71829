/**
 * As whom the embedded server runs, and what that user can reach. PostgreSQL refuses to run as root, so root has to lend it
 * somebody else's identity; and that somebody must be able to walk to the programs and to the data.
 */
import { realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** `postgres` where Debian's packages made one; `nobody` is on every machine. */
const BORROWED_NAMES = ['postgres', 'nobody'] as const;

/** The user root should lend, out of the text of /etc/passwd. */
export function borrowedAccount(passwd: string): Account | undefined {
  const accounts = parsePasswd(passwd);
  for (const name of BORROWED_NAMES) {
    const found = accounts.find((account) => account.name === name && account.uid !== 0);
    if (found) return found;
  }
  return undefined;
}

export function parsePasswd(passwd: string): Account[] {
  const accounts: Account[] = [];
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (!name || !/^\d+$/.test(uid ?? '') || !/^\d+$/.test(gid ?? '')) continue;
    accounts.push({ name, uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}

interface Permissions {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/**
 * The kernel's rule: the first of owner, group, others that fits decides alone. Only the primary group counts, since a
 * process started under another uid is given no supplementary groups. Access lists are not looked at: they can only make
 * this answer too careful.
 */
export function permits(on: Permissions, account: Account, bit: 'read' | 'enter'): boolean {
  const wanted = bit === 'read' ? 4 : 1;
  const shift = on.uid === account.uid ? 6 : on.gid === account.gid ? 3 : 0;
  return ((on.mode >> shift) & wanted) !== 0;
}

/** Can the account walk into this folder? `undefined` = the process's own user, who is told by the kernel when he cannot. */
export async function canEnter(folder: string, account: Account | undefined): Promise<boolean> {
  if (!account) return true;
  let here: string;
  try {
    here = await realpath(folder);
  } catch {
    return false;
  }
  for (;;) {
    if (!permits(await stat(here), account, 'enter')) return false;
    const parent = dirname(here);
    if (parent === here) return true;
    here = parent;
  }
}

/** Can the account read this file, every folder above it included? */
export async function canRead(file: string, account: Account | undefined): Promise<boolean> {
  if (!account) return true;
  try {
    return permits(await stat(file), account, 'read') && (await canEnter(dirname(file), account));
  } catch {
    return false;
  }
}
