import { stat } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { monotonicMs } from '../../../kernel/clock.js';
import { locateBinaries } from './binaries.js';
import { checkVersion, findCluster, userOfCluster, type Cluster } from './cluster.js';
import { createCluster, SUPERUSER } from './create-cluster.js';
import { embeddedError, useDatabaseUrl } from './embedded-error.js';
import { findFreePort, isPortFree } from './free-port.js';
import type { HomeFolder } from './home-folder.js';
import { killLeftovers } from './leftover-processes.js';
import { Presence } from './presence.js';
import { disarmStaleFile, findRunningServer } from './running-server.js';
import { chooseServerUser } from './server-user.js';
import { START_BOUND_MS, startServer, stopServer } from './server-process.js';
import { serverSettings } from './server-settings.js';
import { waitUntil } from './wait-until.js';

/** What every step of joining needs to know. */
export interface JoinOptions {
  readonly home: HomeFolder;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** The port the server must come back on; undefined when any will do. */
  readonly pinnedPort: number | undefined;
}

/** A server this process is present at. */
export interface JoinedServer {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  readonly cluster: Cluster;
  readonly presence: Presence;
  /** The server ran before; false when this call started it. */
  readonly wasAdopted: boolean;
}

const POLL_MS = 20;
/** A server that calls itself ready and takes no connection for that long is none, but a file left behind. */
const REFUSED_BOUND_MS = 10_000;
/** A port that was free a moment ago is rarely taken twice. */
const MOST_PORTS_TRIED = 5;
/** A dead server's children notice its end at once, unless they are in the middle of a long statement. */
const LEFTOVER_BOUND_MS = 3_000;

/**
 * Is present at the home's server when it resolves: at the one that runs, or at one it started, on data it made if there
 * was none. The caller holds the launch lock, so nobody else starts or stops it meanwhile.
 */
export async function joinServer(options: JoinOptions): Promise<JoinedServer> {
  const cluster = (await findCluster(options.home)) ?? (await makeCluster(options));
  const attempt = new JoinAttempt(cluster, options);
  try {
    const joined = await waitUntil(() => attempt.next(), {
      everyMs: POLL_MS,
      boundMs: START_BOUND_MS,
      signal: options.signal,
      onProgress: (ms) =>
        options.log(`waiting for PostgreSQL for ${Math.round(ms / 1000)} s: ${attempt.obstacle}`),
    });
    if (joined) return joined;
    throw embeddedError(
      'start_failed',
      `PostgreSQL on ${cluster.data} took no connection within ${START_BOUND_MS / 1000} s: ${attempt.obstacle}; its log is ${options.home.log}`,
    );
  } catch (error) {
    await attempt.undo();
    throw error;
  }
}

async function makeCluster({ home, settings, log, signal, pinnedPort }: JoinOptions): Promise<Cluster> {
  if (pinnedPort !== undefined) {
    throw embeddedError(
      'folder_unusable',
      `the data in ${home.data} is gone while it was in use; restore it, or start this program again to begin anew`,
    );
  }
  const user = await chooseServerUser(await stat(home.path));
  const binaries = await locateBinaries(user, log);
  log(`making a PostgreSQL ${binaries.major} database in ${home.path}`);
  return createCluster(home, user, binaries, { isDurable: settings.fsync !== 'off', log, signal });
}

/** One joining, taken step by step until it succeeds: the server may be starting, stopping, absent or half dead. */
class JoinAttempt {
  /** Why the last step did not get there, for whoever waits. */
  obstacle = 'it is not there yet';
  private startedPid: number | undefined;
  private refusedAt: number | undefined;
  private leftoverAt: number | undefined;
  private portsTaken = 0;

  constructor(
    private readonly cluster: Cluster,
    private readonly options: JoinOptions,
  ) {}

  async next(): Promise<JoinedServer | undefined> {
    const running = await findRunningServer(this.cluster.data);
    if (running && !this.isRefusedForLong()) {
      if (running.status === 'ready') return this.joinAt(running.pid, running.port);
      this.obstacle = `it is ${running.status}`;
      return undefined;
    }
    await this.start();
    return undefined;
  }

  /** Stops the server this attempt started, because nobody will use it. */
  async undo(): Promise<void> {
    if (this.startedPid !== undefined)
      await stopServer(this.startedPid, this.cluster.data).catch(() => undefined);
  }

  /** Only Windows cannot tell a server from a stranger with its old pid; elsewhere a server that hangs is still one. */
  private isRefusedForLong(): boolean {
    if (process.platform !== 'win32') return false;
    return this.refusedAt !== undefined && monotonicMs() - this.refusedAt > REFUSED_BOUND_MS;
  }

  private async joinAt(pid: number, port: number): Promise<JoinedServer | undefined> {
    const { cluster, options } = this;
    const url = `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/${SUPERUSER}`;
    const presence = await Presence.take(url, cluster.data);
    if (presence instanceof Presence) {
      await options.home.writePort(port);
      return { pid, port, url, cluster, presence, wasAdopted: pid !== this.startedPid };
    }
    if (presence === 'not_yet') {
      this.refusedAt ??= monotonicMs();
      this.obstacle = `nothing answers on port ${port}`;
      return undefined;
    }
    throw embeddedError(
      'start_failed',
      `the server on port ${port} (process ${pid}) refuses the password in ${options.home.path}, or serves other data than ${cluster.data}; ` +
        'end that process, or restore the password file',
    );
  }

  private async start(): Promise<void> {
    const { cluster, options } = this;
    const port = await this.choosePort();
    if (port === undefined) return;
    const user = await userOfCluster(cluster, options.home);
    const binaries = await locateBinaries(user, options.log);
    await checkVersion(cluster, binaries);
    await disarmStaleFile(cluster.data);
    const settings = serverSettings(memoryBytes(), options.settings);
    const outcome = await startServer({ ...options, ...cluster, binaries, user, port, settings });
    this.refusedAt = undefined;
    if (outcome.kind === 'ready') this.startedPid = outcome.pid;
    if (outcome.kind === 'still_in_use') await this.waitForLeftovers();
    if (outcome.kind === 'port_taken') this.portsTaken++;
  }

  private async choosePort(): Promise<number | undefined> {
    const { pinnedPort, home } = this.options;
    if (this.portsTaken > MOST_PORTS_TRIED) {
      throw embeddedError(
        'start_failed',
        `PostgreSQL finds every port taken; free one, ${useDatabaseUrl}; its log is ${home.log}`,
      );
    }
    if (pinnedPort === undefined)
      return findFreePort(this.portsTaken === 0 ? await home.readPort() : undefined);
    if (await isPortFree(pinnedPort)) return pinnedPort;
    this.obstacle = `another program has taken its port ${pinnedPort}`;
    return undefined;
  }

  /** The children of a server that was killed hold its memory; those that do not end by themselves are ended. */
  private async waitForLeftovers(): Promise<void> {
    this.obstacle = 'children of the server that was killed are still running';
    this.leftoverAt ??= monotonicMs();
    if (monotonicMs() - this.leftoverAt > LEFTOVER_BOUND_MS) await killLeftovers(this.cluster.data);
  }
}

/** What this process may use: the machine's memory, or its container's share. */
function memoryBytes(): number {
  const share = process.constrainedMemory();
  return share > 0 ? Math.min(share, totalmem()) : totalmem();
}
