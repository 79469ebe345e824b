import { lstat, readFile, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { embeddedError, useDatabaseUrl } from './embedded-error.js';

/** Who the server runs as. PostgreSQL refuses to run as root, so root must name another. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** True when this process is root and so must run the server as somebody else. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * Who runs the server of data that belongs to `owner`; undefined for this process's own user. Root takes the owner, so
 * that this user may later run it without root, and `nobody` where the owner is root itself or has no account.
 */
export async function chooseServerUser(owner: ServerUser): Promise<ServerUser | undefined> {
  if (!isRoot()) return undefined;
  const accounts = await readAccounts();
  // initdb looks its user up by id, and an id without a name stops it.
  if (owner.uid !== 0 && accounts.some((account) => account.uid === owner.uid))
    return { uid: owner.uid, gid: owner.gid };
  const nobody = accounts.find((account) => account.name === 'nobody');
  if (nobody) return { uid: nobody.uid, gid: nobody.gid };
  throw embeddedError(
    'start_failed',
    `PostgreSQL refuses to run as root and /etc/passwd has no user "nobody" to run it as; run as an unprivileged user, ${useDatabaseUrl}`,
  );
}

/**
 * True when that user may pass through every folder above `path` (which must exist) and, if it is one, through the folder
 * itself. Reads the mode bits; access lists that say otherwise show when the server starts.
 */
export async function isReachable(path: string, user: ServerUser | undefined): Promise<boolean> {
  if (!user) return true;
  let place = await realpath(path);
  if (!(await lstat(place)).isDirectory()) place = dirname(place);
  for (;;) {
    const { mode, uid, gid } = await lstat(place);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    const parent = dirname(place);
    if (parent === place) return true;
    place = parent;
  }
}

interface Account extends ServerUser {
  readonly name: string;
}

async function readAccounts(): Promise<Account[]> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}
