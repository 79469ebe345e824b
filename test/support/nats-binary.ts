import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** How a NATS server is run: a program with arguments before the server's own, and how it is killed where a signal does not reach it. */
export interface NatsBinary {
  readonly command: string;
  readonly leadingArguments: readonly string[];
  /** Name of the container the server runs in; undefined when it is a plain process. */
  readonly container: string | undefined;
}

/** Beside the packages, so that it goes with them, outlives a test run and needs no rights of its own. */
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/rookery/nats-server');

const HOW_TO_GET_IT =
  'The tests need a NATS server with JetStream, 2.9 or newer. Install nats-server so that it is on PATH ' +
  '(Debian: apt-get install nats-server; macOS: brew install nats-server; else https://github.com/nats-io/nats-server/releases), ' +
  'or start docker.';

let found: Promise<string | undefined> | undefined;

/**
 * The NATS server of this machine: the one on PATH, else one unpacked from Debian's package into a cache folder, else a
 * container. Rejects with how to install one when there is none.
 */
export async function findNatsBinary(): Promise<NatsBinary> {
  const path = await (found ??= findExecutable());
  if (path !== undefined) return { command: path, leadingArguments: [], container: undefined };
  const container = `rookery-test-nats-${process.pid}-${containers++}`;
  if (await hasDocker())
    return { command: 'docker', leadingArguments: dockerArguments(container), container };
  throw new Error(HOW_TO_GET_IT);
}

let containers = 0;

async function findExecutable(): Promise<string | undefined> {
  return (await onPath()) ?? (await inCache()) ?? (await fromDebian());
}

async function onPath(): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, process.platform === 'win32' ? 'nats-server.exe' : 'nats-server');
    if (folder !== '' && (await isExecutable(path))) return path;
  }
  return undefined;
}

async function inCache(): Promise<string | undefined> {
  const path = join(CACHE, 'usr/sbin/nats-server');
  return (await isExecutable(path)) ? path : undefined;
}

/** Needs no root: the package is downloaded and unpacked, not installed. Several test files may do so at once; the first to finish wins. */
async function fromDebian(): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  await mkdir(join(CACHE, '..'), { recursive: true });
  const folder = await mkdtemp(`${CACHE}-`);
  try {
    await download(folder).catch(() => downloadAfterUpdate(folder));
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'));
    if (archive === undefined) return undefined;
    await run('dpkg', ['-x', archive, 'unpacked'], { cwd: folder });
    await rename(join(folder, 'unpacked'), CACHE).catch(() => undefined);
    return await inCache();
  } catch {
    // No Debian, no network, or a release without the package: the next way is tried.
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function download(folder: string, options: readonly string[] = []): Promise<void> {
  await run('apt-get', [...options, 'download', 'nats-server'], { cwd: folder });
}

/** A bare system has no package lists, and only root may fetch them for all; these are fetched for this download alone. */
async function downloadAfterUpdate(folder: string): Promise<void> {
  const [state, cache] = [join(folder, 'state'), join(folder, 'cache')];
  await mkdir(join(state, 'lists/partial'), { recursive: true });
  await mkdir(join(cache, 'archives/partial'), { recursive: true });
  const settings = [`Dir::State=${state}`, `Dir::Cache=${cache}`, 'Dir::State::status=/var/lib/dpkg/status'];
  const options = settings.flatMap((setting) => ['-o', setting]);
  await run('apt-get', [...options, 'update'], { timeout: 120_000 });
  await download(folder, options);
}

async function hasDocker(): Promise<boolean> {
  return run('docker', ['info'], { timeout: 10_000 }).then(
    () => true,
    () => false,
  );
}

/** The host's network and folders, so that ports and paths mean the same inside. */
function dockerArguments(name: string): string[] {
  const user = process.getuid === undefined ? [] : ['--user', `${process.getuid()}`];
  return [
    'run',
    '--rm',
    '--name',
    name,
    '--network',
    'host',
    ...user,
    '-v',
    '/tmp:/tmp',
    'nats:2-alpine',
    'nats-server',
  ];
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
