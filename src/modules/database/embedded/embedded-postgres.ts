import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../../../kernel/clock.js';
import { RookeryError, toError } from '../../../kernel/errors.js';
import { toolError } from './embedded-error.js';
import { HomeFolder } from './home-folder.js';
import { joinServer, type JoinedServer } from './join-server.js';
import { takeLaunchLock, tryLaunchLock } from './launch-lock.js';
import { START_BOUND_MS, stopServer } from './server-process.js';

/**
 * PostgreSQL as part of the program: real server binaries from an npm package, run in the project's own folder, shared by
 * all processes that open this folder. The first one in starts it, the last one out stops it, and one that dies leaves it
 * running for the next. While anybody is present a server that ends unexpectedly is started again, on the same port.
 */
export interface EmbeddedPostgres {
  /** Where to connect, as superuser; stays the same while this is open, also when the server was started again. */
  readonly url: string;
  /** The server's process now; another one after it was started again. */
  readonly pid: number;
  /** True when the server ran before this call: another process uses it, or a killed one left it. */
  readonly wasAdopted: boolean;
  /** How long the opening took, in ms. */
  readonly startedMs: number;
  /** Leaves the server, and stops it if nobody else is present; resolves when it has ended. Close your connections before. */
  close(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** The project's own folder; the server's things go into `postgres` below it. */
  readonly folder: string;
  /** Told what happens, a line at a time, where it takes long or is unusual. */
  readonly log?: (line: string) => void;
  /** PostgreSQL settings that win over ours, for a server this call starts; one that runs keeps its own. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Longer than any start that another process may be in the middle of. */
const LOCK_BOUND_MS = START_BOUND_MS + 30_000;
/** Whoever has the lock for longer while we close is starting a server it will use, and so is the last one out. */
const CLOSE_LOCK_BOUND_MS = 10_000;

/** Pauses before the server is started again, doubled from the first to the longest for as long as it does not start. */
const FIRST_RESTART_PAUSE_MS = 100;
const LONGEST_RESTART_PAUSE_MS = 5_000;

/**
 * Opens the folder's server: ready for connections when this resolves. Throws a `database_unavailable` whose details name
 * the failure (`package_missing`, `disk_full`, `data_version`, …) and whose message names the fix.
 */
export async function openEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const startedAt = monotonicMs();
  const { folder, log = () => undefined, settings = {} } = options;
  const home = await HomeFolder.open(folder);
  const context = { home, log, settings, stop: new AbortController() };
  const server = await joinUnderLock(context, undefined).catch((error: unknown) => {
    if (error instanceof RookeryError) throw error;
    throw toolError(`the embedded PostgreSQL in ${home.path} cannot be opened`, toError(error).message);
  });
  return new SharedServer(context, server, monotonicMs() - startedAt);
}

interface Context {
  readonly home: HomeFolder;
  readonly log: (line: string) => void;
  readonly settings: Readonly<Record<string, string>>;
  /** Aborted when this process wants the server no more. */
  readonly stop: AbortController;
}

async function joinUnderLock(context: Context, pinnedPort: number | undefined): Promise<JoinedServer> {
  const { home, log, stop } = context;
  const lock = await takeLaunchLock(home.lock, LOCK_BOUND_MS, stop.signal, (ms) =>
    log(`waiting for another process to start PostgreSQL, ${Math.round(ms / 1000)} s so far`),
  );
  try {
    return await joinServer({ ...context, signal: stop.signal, pinnedPort });
  } finally {
    await lock.release();
  }
}

/** This process's share in the server: present at it, and back at it when it was lost. */
class SharedServer implements EmbeddedPostgres {
  private closing: Promise<void> | undefined;
  private returning: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: Context,
    private server: JoinedServer,
    readonly startedMs: number,
  ) {
    this.wasAdopted = server.wasAdopted;
    this.watch();
  }

  readonly wasAdopted: boolean;

  get url(): string {
    return this.server.url;
  }

  get pid(): number {
    return this.server.pid;
  }

  close(): Promise<void> {
    this.closing ??= this.leave();
    return this.closing;
  }

  private watch(): void {
    void this.server.presence.lost.then(() => {
      if (this.closing === undefined) this.returning = this.comeBack();
    });
  }

  /** Tries until the server is there again or is no longer wanted; never rejects. */
  private async comeBack(): Promise<void> {
    const { log, stop } = this.context;
    const lostAt = monotonicMs();
    log(`the connection to PostgreSQL (process ${this.server.pid}) has ended; starting it again if need be`);
    for (let pauseMs = FIRST_RESTART_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_RESTART_PAUSE_MS)) {
      try {
        this.server = await joinUnderLock(this.context, this.server.port);
        log(`PostgreSQL is back after ${Math.round(monotonicMs() - lostAt)} ms (process ${this.server.pid})`);
        this.watch();
        return;
      } catch (error) {
        if (stop.signal.aborted) return;
        log(`PostgreSQL is not back: ${toError(error).message}`);
        await sleep(pauseMs, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  }

  private async leave(): Promise<void> {
    const { home, stop } = this.context;
    stop.abort(new Error('the embedded PostgreSQL is being closed'));
    await this.returning;
    const lock = await tryLaunchLock(home.lock, CLOSE_LOCK_BOUND_MS).catch(() => undefined);
    try {
      if (lock) await this.stopIfLast();
    } finally {
      await this.server.presence.leave();
      await lock?.release();
    }
  }

  /** Who may come next waits for the launch lock, so being alone cannot change before the server has ended. */
  private async stopIfLast(): Promise<void> {
    const { presence, pid, cluster } = this.server;
    const isLast = await presence.retire().catch(() => false);
    if (isLast) await stopServer(pid, cluster.data);
  }
}
