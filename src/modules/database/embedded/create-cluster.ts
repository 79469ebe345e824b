import { randomBytes, randomUUID } from 'node:crypto';
import {
  chown,
  lstat,
  mkdir,
  readdir,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Binaries } from './binaries.js';
import type { Cluster } from './cluster.js';
import { embeddedError, toolError } from './embedded-error.js';
import { isMissing, makeFolder, type HomeFolder } from './home-folder.js';
import { runTool } from './run-tool.js';
import { isReachable, type ServerUser } from './server-user.js';
import { openSharedFolder } from './shared-folder.js';

/** The role every process connects as; it owns its server alone, so it may do everything in it. */
export const SUPERUSER = 'rookery';

/** initdb takes half a second; on a slow disk it waits for 40 MB to be written through. */
const INITDB_BOUND_MS = 120_000;

const STAGE = 'new-';

/**
 * Makes the home's cluster. It is made aside and gets its name when it is complete, so that a process killed in the
 * middle leaves nothing that looks like data; the next one removes what it left. The caller holds the launch lock.
 */
export async function createCluster(
  home: HomeFolder,
  user: ServerUser | undefined,
  binaries: Binaries,
  options: {
    readonly isDurable: boolean;
    readonly log: (line: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<Cluster> {
  const place = await choosePlace(home, user, options.log);
  await removeLeftovers(place);
  const stage = join(place, `${STAGE}${randomUUID()}`);
  const password = randomBytes(24).toString('base64url');
  try {
    await mkdir(stage, { mode: 0o700 });
    if (user) await chown(stage, user.uid, user.gid);
    await initialize(stage, password, user, binaries, options);
    await home.writePassword(password);
    await rename(join(stage, 'data'), join(place, 'data'));
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
  return { data: await realpath(home.data), password };
}

async function initialize(
  stage: string,
  password: string,
  user: ServerUser | undefined,
  binaries: Binaries,
  { isDurable, signal }: { readonly isDurable: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const passwordFile = join(stage, 'password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user) await chown(passwordFile, user.uid, user.gid);
  const args = [
    `--pgdata=${join(stage, 'data')}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // Bytes are compared, which is fast and the same on every machine; letters of all scripts still have their case.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(isDurable ? [] : ['--no-sync']),
  ];
  const answer = await runTool(binaries.initdb, args, {
    user,
    folder: stage,
    boundMs: INITDB_BOUND_MS,
    signal,
  });
  signal.throwIfAborted();
  if (answer.failure !== undefined)
    throw toolError(`initdb failed in ${stage}`, answer.output || answer.failure);
}

/** Where the data goes: into the home, or where the server's user can reach it with a link to it in the home. */
async function choosePlace(
  home: HomeFolder,
  user: ServerUser | undefined,
  log: (line: string) => void,
): Promise<string> {
  const linked = await readlink(home.data).catch(() => undefined);
  if (linked !== undefined) return resumePlace(home, linked);
  if (await isReachable(home.path, user)) return home.path;
  const shared = await openSharedFolder('state', user);
  if (shared === undefined) {
    throw embeddedError(
      'folder_unusable',
      `root may not run PostgreSQL, and user ${user?.uid ?? '?'}, who runs it instead, can reach neither ${home.path} nor /var/lib/rookery; ` +
        'let others pass these folders (chmod o+x), or run as an unprivileged user',
    );
  }
  const place = join(shared, `${projectOf(home)}-${randomBytes(4).toString('hex')}`);
  await makeFolder(place);
  await writeFile(join(place, 'project'), `${home.path}\n`);
  // The link comes first: whoever is killed after it finds its unfinished place again.
  await symlink(join(place, 'data'), home.data);
  log(`the server's user cannot reach ${home.path}: its data goes to ${place}`);
  return place;
}

/** The place a link already names. One whose folder is gone held data once: nothing is begun anew in silence. */
async function resumePlace(home: HomeFolder, linked: string): Promise<string> {
  const place = dirname(linked);
  const found = await stat(place).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (found?.isDirectory()) return place;
  throw embeddedError(
    'folder_unusable',
    `${home.data} leads to ${linked}, which is gone, and the data with it; restore it, or remove the link to begin with an empty database`,
  );
}

/** `…/project/.rookery/postgres` is the project's; the name only helps people to tell the places apart. */
function projectOf(home: HomeFolder): string {
  return basename(dirname(dirname(home.path))).replace(/[^\w.-]+/g, '') || 'project';
}

async function removeLeftovers(place: string): Promise<void> {
  const names = (await readdir(place)).filter((name) => name.startsWith(STAGE));
  for (const name of names) {
    const leftover = join(place, name);
    if ((await lstat(leftover)).isDirectory()) {
      // An initdb whose parent was killed may still be writing there; what it leaves goes with the next one.
      await rm(leftover, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
    }
  }
}
