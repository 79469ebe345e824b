import { access, readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { embeddedError, useDatabaseUrl } from './embedded-error.js';
import { cacheBinaries } from './binaries-cache.js';
import { findBinariesPackage } from './binaries-package.js';
import { runTool } from './run-tool.js';
import type { ServerUser } from './server-user.js';

/** PostgreSQL's programs, proven to run as the user they were asked for. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly pgCtl: string;
  /** The first number of the version: only data made by the same one can be served. */
  readonly major: number;
}

const PROBE_BOUND_MS = 15_000;

/**
 * The programs of the installed platform package. Where they lie if they run there as `user`, their missing libraries'
 * links made if possible; else a copy in a cache that `user` can reach. Throws `package_missing` or `binaries_unusable`.
 */
export async function locateBinaries(
  user: ServerUser | undefined,
  log: (line: string) => void,
): Promise<Binaries> {
  const installed = await findBinariesPackage();
  await repairLinks(installed.root).catch(() => undefined);
  const inPlace = await tryBinaries(installed.root, user);
  if (typeof inPlace !== 'string') return inPlace;
  const copy = await cacheBinaries(installed, user, log, async (root) => {
    await repairLinks(root);
    return typeof (await tryBinaries(root, user)) !== 'string';
  });
  const cached = copy === undefined ? inPlace : await tryBinaries(copy, user);
  if (typeof cached !== 'string') return cached;
  throw embeddedError(
    'binaries_unusable',
    `the PostgreSQL of ${installed.name} does not run on this machine (it wants glibc on Linux): ${cached}; ` +
      `install the system's libraries it names, ${useDatabaseUrl}`,
  );
}

/** Makes the links between libraries that npm packages cannot carry and the package's own install script may not have made. */
async function repairLinks(root: string): Promise<void> {
  for (const { source, target } of await readLinks(root)) {
    const place = join(root, target);
    if (await exists(place)) continue;
    await symlink(relative(dirname(place), join(root, source)), place).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}

async function tryBinaries(root: string, user: ServerUser | undefined): Promise<Binaries | string> {
  const program = (name: string): string =>
    join(root, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  // initdb needs more libraries than postgres, so both are asked.
  const probes = ['initdb', 'postgres'].map((name) =>
    runTool(program(name), ['--version'], { user, folder: '/', boundMs: PROBE_BOUND_MS }),
  );
  const [initdb, postgres] = await Promise.all(probes);
  const bad = [initdb, postgres].find((answer) => answer?.failure !== undefined);
  if (bad) return bad.failure ?? '';
  const major = Number(/\b(\d+)/.exec(postgres?.output.replace(/^.*\)/, '') ?? '')?.[1]);
  return { postgres: program('postgres'), initdb: program('initdb'), pgCtl: program('pg_ctl'), major };
}

async function readLinks(root: string): Promise<{ source: string; target: string }[]> {
  const text = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  return JSON.parse(text) as { source: string; target: string }[];
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
