import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { openEmbeddedPostgres } from '../../src/modules/database/embedded/index.js';
import { eventually } from './eventually.js';
import { killAll, processesOf } from './process-tree.js';

/** A PostgreSQL server that lives as long as a test run. */
export interface TemporaryPostgres {
  readonly url: string;
  close(): Promise<void>;
}

/** One that a test may kill. */
export interface KillablePostgres extends TemporaryPostgres {
  /** Ends the server and its children with SIGKILL; resolves when it has come back by itself, on the same data and port. */
  kill(): Promise<void>;
}

/** Folders are named `rookery-test-PID-…`, so that a later run can tell which were abandoned. */
const PREFIX = 'rookery-test-';

/**
 * For tests only: a crash of the machine may lose their data, and nobody minds. Connections are plenty, because every test
 * file has pools of its own and some boot several processes.
 */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', max_connections: '300', log_min_messages: 'fatal' };

/** Starts the embedded server in a new temporary folder; `close` stops it and removes the folder. */
export async function openTemporaryPostgres(): Promise<KillablePostgres> {
  await sweepAbandoned();
  const folder = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // Under root the server runs as another user, who must be able to pass through.
  await chmod(folder, 0o755);
  try {
    const server = await openEmbeddedPostgres({ folder, settings: SETTINGS });
    return {
      url: server.url,
      kill: async () => {
        const { pid } = server;
        killAll(await processesOf(folder));
        await eventually(() => server.pid !== pid && answers(server.url), { withinMs: 60_000 });
      },
      close: async () => {
        await server.close();
        await remove(folder);
      },
    };
  } catch (error) {
    await remove(folder);
    throw error;
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Stops the servers and removes the folders of runs that were killed before they could do so. */
async function sweepAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const folder = join(tmpdir(), name);
    try {
      // The last one out stops the server, and whoever opened it first is gone.
      await (await openEmbeddedPostgres({ folder })).close();
      await remove(folder);
    } catch {
      // Another user's, or another run is sweeping it too: nothing that this run depends on.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function remove(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
