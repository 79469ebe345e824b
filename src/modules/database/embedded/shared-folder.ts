import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFolder } from './home-folder.js';
import { isReachable, isRoot, type ServerUser } from './server-user.js';

/** Folders outside the project for what the server's user must reach: programs are kept in `cache`, data in `state`. */
export type SharedFolderKind = 'cache' | 'state';

/**
 * A folder of ours that nobody else can write and the server's user can reach, made if need be; undefined when this
 * machine has no place for one. The XDG variables name it first; data is never put where it is cleaned away.
 */
export async function openSharedFolder(
  kind: SharedFolderKind,
  user: ServerUser | undefined,
): Promise<string | undefined> {
  for (const candidate of candidates(kind)) {
    const isUsable = await openCandidate(candidate, user).catch(() => false);
    if (isUsable) return candidate;
  }
  return undefined;
}

function candidates(kind: SharedFolderKind): string[] {
  const { HOME, XDG_CACHE_HOME, XDG_STATE_HOME } = process.env;
  const named = kind === 'cache' ? XDG_CACHE_HOME : XDG_STATE_HOME;
  const paths = named ? [join(named, 'rookery')] : [];
  if (isRoot()) paths.push(kind === 'cache' ? '/var/cache/rookery' : '/var/lib/rookery');
  else if (HOME) paths.push(join(HOME, kind === 'cache' ? '.cache' : '.local/state', 'rookery'));
  if (kind === 'cache') paths.push(join(tmpdir(), `rookery-${process.getuid?.() ?? 'cache'}`));
  return paths;
}

async function openCandidate(path: string, user: ServerUser | undefined): Promise<boolean> {
  await makeFolder(path);
  const { uid, mode } = await stat(path);
  // Whoever can write here could put their own program in the server's place.
  const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
  return isOurs && (await isReachable(path, user));
}
