import { randomUUID } from 'node:crypto';
import { chmod, lchown, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { embeddedError } from './embedded-error.js';
import { isRoot } from './server-user.js';

/** A server log larger than this is set aside when the server starts; one older log is kept. */
const LOG_BYTES = 10 * 1024 * 1024;

/**
 * The folder `postgres` inside the project's own: what every process that shares the server must find.
 *
 *     data          the cluster; a symbolic link where the server's user cannot reach this folder
 *     password      of the superuser, 0600
 *     port          the last one used, taken again where it is free, so that URLs last
 *     server.log    what the server prints
 *     lock/         who is deciding about the server right now
 *
 * Whatever root makes here belongs to the owner of the folder it is made in, so that this owner may go on without root.
 */
export class HomeFolder {
  readonly path: string;
  readonly data: string;
  readonly lock: string;
  readonly log: string;
  private readonly password: string;
  private readonly port: string;

  private constructor(folder: string) {
    this.path = join(resolve(folder), 'postgres');
    this.data = join(this.path, 'data');
    this.lock = join(this.path, 'lock');
    this.log = join(this.path, 'server.log');
    this.password = join(this.path, 'password');
    this.port = join(this.path, 'port');
  }

  /** The home below that folder, made if it is not there; throws `folder_unusable` where nothing can be written. */
  static async open(folder: string): Promise<HomeFolder> {
    const home = new HomeFolder(folder);
    try {
      await makeFolder(home.lock);
      const probe = join(home.path, `probe-${randomUUID()}`);
      await (await open(probe, 'w')).close();
      await rm(probe);
    } catch (error) {
      const why = (error as Error).message;
      throw embeddedError(
        'folder_unusable',
        `the folder ${home.path} cannot be written (${why}); make it writable or name another as database.folder`,
        error,
      );
    }
    return home;
  }

  /** The superuser's password, or undefined when none was made yet; throws `folder_unusable` when it is another user's. */
  async readPassword(): Promise<string | undefined> {
    try {
      return (await readFile(this.password, 'utf8')).trim();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw embeddedError(
        'folder_unusable',
        `${this.password} cannot be read (${(error as Error).message}); run as the user who made it, or name another folder as database.folder`,
        error,
      );
    }
  }

  writePassword(password: string): Promise<void> {
    return this.write(this.password, password, 0o600);
  }

  /** The port the server last ran on. */
  async readPort(): Promise<number | undefined> {
    const port = Number(await readFile(this.port, 'utf8').catch(() => ''));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  }

  async writePort(port: number): Promise<void> {
    if ((await this.readPort()) === port) return;
    await this.write(this.port, `${port}\n`, 0o644);
  }

  /** Opens the server's log for appending, after setting aside one that has grown too large. The caller closes it. */
  async openLog(): Promise<{ fd: number; size: number; close(): Promise<void> }> {
    const size = (await stat(this.log).catch(() => undefined))?.size ?? 0;
    if (size > LOG_BYTES) await rename(this.log, `${this.log}.old`);
    const file = await open(this.log, 'a', 0o600);
    await inheritOwner(this.log);
    return { fd: file.fd, size: (await file.stat()).size, close: () => file.close() };
  }

  /** What the server printed from that byte on, at most the last 4 KiB. */
  async readLogFrom(start: number): Promise<string> {
    const text = await readFile(this.log).catch(() => Buffer.alloc(0));
    return text.subarray(Math.max(start, text.length - 4096)).toString('utf8');
  }

  private async write(path: string, text: string, mode: number): Promise<void> {
    const draft = `${path}.${randomUUID()}`;
    const file = await open(draft, 'wx', mode);
    try {
      await file.writeFile(text);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await inheritOwner(draft);
    await rename(draft, path);
  }
}

/** Makes the folder and those above it, each owned as the one it lies in. */
export async function makeFolder(path: string, mode = 0o755): Promise<void> {
  const parent = dirname(path);
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || parent === path) throw error;
    await makeFolder(parent, mode);
    return makeFolder(path, mode);
  }
  await chmod(path, mode);
  await inheritOwner(path);
}

async function inheritOwner(path: string): Promise<void> {
  if (!isRoot()) return;
  const { uid, gid } = await stat(dirname(path));
  await lchown(path, uid, gid);
}

/** True for the error of a file that is not there. */
export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
