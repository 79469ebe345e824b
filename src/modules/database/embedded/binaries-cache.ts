import { randomUUID } from 'node:crypto';
import { chmod, cp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { BinariesPackage } from './binaries-package.js';
import type { ServerUser } from './server-user.js';
import { openSharedFolder } from './shared-folder.js';

/** Left out of the copy: only compilers read them. */
const UNNEEDED = /\.a$|[/\\](include|pkgconfig)$/;

/**
 * A copy of the package's programs that `user` can reach, made once a version and complete from the moment it has its
 * name; undefined where there is no place for it. `finish` completes a copy and tells whether it runs.
 */
export async function cacheBinaries(
  { version, root }: BinariesPackage,
  user: ServerUser | undefined,
  log: (line: string) => void,
  finish: (root: string) => Promise<boolean>,
): Promise<string | undefined> {
  const cache = await openSharedFolder('cache', user);
  if (cache === undefined) return undefined;
  const copy = join(cache, `postgres-${version}-${process.platform}-${process.arch}`);
  if (await finish(copy).catch(() => false)) return copy;
  log(`copying PostgreSQL's programs to ${copy}, because the server's user cannot run them where they are`);
  const draft = `${copy}.${randomUUID()}`;
  try {
    await copyReadable(join(root, 'native'), join(draft, 'native'));
    await chmod(draft, 0o755);
    await finish(draft);
    const isThereNow = await finish(copy).catch(() => false);
    if (!isThereNow) await replace(draft, copy);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}

async function copyReadable(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, verbatimSymlinks: true, filter: (path) => !UNNEEDED.test(path) });
  await chmod(to, 0o755);
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true })) {
    const place = join(entry.parentPath, entry.name);
    // The package may have been unpacked under a umask that shuts everybody else out.
    if (entry.isDirectory() || entry.parentPath.endsWith('bin')) await chmod(place, 0o755);
    else if (entry.isFile()) await chmod(place, 0o644);
  }
}

/** A copy that is there but does not run is set aside first; one that another process just made is as good as ours. */
async function replace(draft: string, copy: string): Promise<void> {
  const old = `${draft}.old`;
  await rename(copy, old).catch(() => undefined);
  await rename(draft, copy).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
  });
  await rm(old, { recursive: true, force: true });
}
