import { spawn, type ChildProcess } from 'node:child_process';
import { locateBinaries, type Binaries } from './binaries.js';
import { toolError } from './embedded-error.js';
import type { HomeFolder } from './home-folder.js';
import { runTool, toolEnvironment } from './run-tool.js';
import { findRunningServer, isServerOf } from './running-server.js';
import type { ServerUser } from './server-user.js';
import { waitUntil } from './wait-until.js';

/** What a start needs to know. */
export interface StartOptions {
  readonly binaries: Binaries;
  readonly data: string;
  readonly home: HomeFolder;
  readonly user: ServerUser | undefined;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}

/**
 * How a start ended: a server that is `ready`, or one that could not start for a reason that may pass: the port was
 * taken in the last moment, or the last server's children are still there.
 */
export type StartOutcome =
  { readonly kind: 'ready'; readonly pid: number } | { readonly kind: 'port_taken' | 'still_in_use' };

/** After a crash the server replays up to `max_wal_size` of its log before it is ready: minutes on a slow disk. */
export const START_BOUND_MS = 300_000;
const POLL_MS = 10;

/** A fast shutdown writes all changed pages out first. */
const FAST_STOP_BOUND_MS = 60_000;
/** An immediate one writes nothing. */
const IMMEDIATE_STOP_BOUND_MS = 10_000;

/** Starts the server in a session of its own, so that neither the terminal's Ctrl-C nor this process's end reaches it. */
export async function startServer(options: StartOptions): Promise<StartOutcome> {
  const log = await options.home.openLog();
  try {
    const server = spawnServer(options, log.fd);
    const ended = endOf(server);
    const outcome = await waitUntil(async () => (await isReady(server, options.data)) ?? ended.words, {
      everyMs: POLL_MS,
      boundMs: START_BOUND_MS,
      signal: options.signal,
      onProgress: (ms) =>
        options.log(
          `PostgreSQL is not ready yet after ${Math.round(ms / 1000)} s; it may be replaying its log`,
        ),
    }).catch((error: unknown) => {
      server.kill('SIGINT');
      throw error;
    });
    server.unref();
    if (typeof outcome === 'object') return outcome;
    const output = await options.home.readLogFrom(log.size);
    return passingTrouble(output) ?? failStart(options, outcome, output);
  } finally {
    await log.close();
  }
}

function spawnServer({ binaries, data, user, port, settings }: StartOptions, logFd: number): ChildProcess {
  const args = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  try {
    return spawn(binaries.postgres, ['-D', data, ...args], {
      cwd: data,
      env: toolEnvironment(),
      detached: true,
      windowsHide: true,
      stdio: ['ignore', logFd, logFd],
      ...user,
    });
  } catch (error) {
    throw toolError(
      `${binaries.postgres} cannot be run as user ${user?.uid ?? process.getuid?.() ?? '?'}`,
      String(error),
    );
  }
}

/** Says how the process ended, once it has. */
function endOf(server: ChildProcess): { words: string | undefined } {
  const end: { words: string | undefined } = { words: undefined };
  server.once('error', (error) => (end.words = error.message));
  server.once('exit', (code, signal) => (end.words ??= `it ended with ${signal ?? `exit code ${code}`}`));
  return end;
}

async function isReady(server: ChildProcess, data: string): Promise<StartOutcome | undefined> {
  const running = await findRunningServer(data);
  return running?.status === 'ready' && running.pid === server.pid
    ? { kind: 'ready', pid: running.pid }
    : undefined;
}

function passingTrouble(output: string): StartOutcome | undefined {
  if (/could not (bind|create any TCP)/.test(output)) return { kind: 'port_taken' };
  if (/pre-existing shared memory block/.test(output)) return { kind: 'still_in_use' };
  return undefined;
}

function failStart({ data, home }: StartOptions, end: string | undefined, output: string): never {
  const how = end ?? `it was not ready within ${START_BOUND_MS / 1000} s`;
  throw toolError(`PostgreSQL did not start on ${data} (${how}; its log is ${home.log})`, output);
}

/**
 * Stops the server and resolves when its process has ended: disconnects everybody, and writes all pages out if that ends
 * within a minute.
 */
export async function stopServer(pid: number, data: string): Promise<void> {
  await sendStop(pid, data, 'fast');
  if (await hasEnded(pid, data, FAST_STOP_BOUND_MS)) return;
  await sendStop(pid, data, 'immediate');
  if (await hasEnded(pid, data, IMMEDIATE_STOP_BOUND_MS)) return;
  await killServer(pid, data);
}

async function sendStop(pid: number, data: string, mode: 'fast' | 'immediate'): Promise<void> {
  // Windows has no signals; PostgreSQL's own tool speaks to its server there in another way.
  if (process.platform === 'win32') {
    const { pgCtl } = await locateBinaries(undefined, () => undefined);
    const args = ['stop', '-D', data, '-m', mode, '-W'];
    await runTool(pgCtl, args, { user: undefined, folder: data, boundMs: FAST_STOP_BOUND_MS });
    return;
  }
  signalServer(pid, mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
}

async function killServer(pid: number, data: string): Promise<void> {
  signalServer(pid, 'SIGKILL');
  if (!(await hasEnded(pid, data, IMMEDIATE_STOP_BOUND_MS)))
    throw new Error(`the PostgreSQL process ${pid} cannot be ended`);
}

/** True when the process has ended within the bound, or serves that data no more. */
async function hasEnded(pid: number, data: string, boundMs: number): Promise<boolean> {
  const ask = async (): Promise<true | undefined> => ((await isServerOf(pid, data)) ? undefined : true);
  return (await waitUntil(ask, { everyMs: POLL_MS, boundMs })) ?? false;
}

function signalServer(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
