import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { openEmbeddedPostgres, type EmbeddedPostgres } from '../../src/modules/database/embedded/index.js';
import { postgresBelow, type EmbeddedApp, type EmbeddedChild } from './embedded-app.js';
import { eventually } from './eventually.js';

/** Small and quick; what is tested here does not hang on either. */
export const EMBEDDED_TEST_SETTINGS = { fsync: 'off', shared_buffers: '16MB' };

/** A temporary project whose embedded server a test opens, from this process and from others. */
export class EmbeddedScene {
  /** What this process was told by the launcher. */
  lines: string[] = [];
  servers: EmbeddedPostgres[] = [];
  children: EmbeddedChild[] = [];
  /** Holds everything of the test. */
  scratch = '';
  /** The project's own folder, not there yet. */
  folder = '';
  private template = '';

  async prepare(): Promise<void> {
    this.template = await makeScratch();
    const settings = EMBEDDED_TEST_SETTINGS;
    await (await openEmbeddedPostgres({ folder: this.template, settings })).close();
  }

  async begin(): Promise<void> {
    this.scratch = await makeScratch();
    this.folder = join(this.scratch, '.rookery');
    [this.lines, this.servers, this.children] = [[], [], []];
  }

  async open(settings: Record<string, string> = EMBEDDED_TEST_SETTINGS): Promise<EmbeddedPostgres> {
    const { folder, lines } = this;
    const server = await openEmbeddedPostgres({ folder, settings, log: (line) => lines.push(line) });
    this.servers.push(server);
    return server;
  }

  openChild(
    app: EmbeddedApp,
    project = this.folder,
    environment: Record<string, string> = {},
  ): EmbeddedChild {
    const child = app.open(project, EMBEDDED_TEST_SETTINGS, environment);
    this.children.push(child);
    return child;
  }

  /** Puts a finished cluster into the folder, and no server: a copy, because making one takes most of a test's time. */
  makeCluster(): void {
    const { status, stderr } = spawnSync('cp', ['-a', this.template, this.folder], { encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  }

  /** A path in the folder's home of the server. */
  home(...path: string[]): string {
    return join(this.folder, 'postgres', ...path);
  }

  async isRunning(): Promise<boolean> {
    return (await postgresBelow(this.scratch)).length > 0;
  }

  /** Ends everything and removes it; fails the test that left a PostgreSQL process behind. */
  async end(): Promise<void> {
    await Promise.all(this.children.map((child) => child.kill()));
    await Promise.all(this.servers.map((server) => server.close()));
    const left = await postgresBelow(this.scratch);
    for (const pid of left) process.kill(pid, 'SIGKILL');
    await eventually(async () => !(await this.isRunning()));
    await rm(this.scratch, { recursive: true, force: true });
    expect(left, 'PostgreSQL processes left behind').toEqual([]);
  }

  dispose(): Promise<void> {
    return rm(this.template, { recursive: true, force: true });
  }
}

/** A scene that begins anew before each test of the file and is ended after it. */
export function useEmbeddedScene(): EmbeddedScene {
  const scene = new EmbeddedScene();
  beforeAll(() => scene.prepare());
  beforeEach(() => scene.begin());
  afterEach(() => scene.end());
  afterAll(() => scene.dispose());
  return scene;
}

/** One query on a connection of its own. */
export async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** The connections by which processes say that they use the server. */
export async function presences(url: string): Promise<{ pid: number }[]> {
  const sql = `SELECT pid FROM pg_stat_activity WHERE application_name = 'rookery presence'`;
  return (await query(url, sql)).map((row) => ({ pid: Number(row.pid) }));
}

async function makeScratch(): Promise<string> {
  const scratch = await realpath(await mkdtemp(join(tmpdir(), 'rookery-embedded-')));
  // Under root the server runs as another user, who must be able to pass through.
  await chmod(scratch, 0o755);
  return scratch;
}
