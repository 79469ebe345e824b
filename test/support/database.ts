import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client, escapeIdentifier, type QueryResultRow } from 'pg';
import { inject } from 'vitest';
import { Database } from '../../src/modules/database/index.js';
import { eventually } from './eventually.js';

/** A database of its own for one test file, with Rookery's schema and no rows. */
export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  /** The rows the statement returns; on a session that does not count as a leak. */
  query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /**
   * Removes the database. Rejects when a session other than the one of `query` is still open, naming it, because whoever opened it did
   * not close it; `allowLeaks` for tests that leave some on purpose. The database is gone either way.
   */
  drop(options?: { readonly allowLeaks?: boolean }): Promise<void>;
}

export interface TestDatabaseOptions {
  /** True for a database without any schema of ours, for tests of the migration itself. */
  readonly isEmpty?: boolean;
}

const MIGRATIONS = join(import.meta.dirname, '../../src/migrations');

/** A session that was closed takes a moment to disappear from the server's list. */
const GOODBYE_MS = 3_000;

/** Makes a database as a copy of a template that is migrated once a run, whichever test file comes first. */
export async function createTestDatabase({
  isEmpty = false,
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const name = `rookery_test_${randomBytes(6).toString('hex')}`;
  await withAdmin(async (admin) => {
    const template = isEmpty ? 'template0' : await ensureTemplate(admin);
    await admin.query(`CREATE DATABASE ${escapeIdentifier(name)} TEMPLATE ${escapeIdentifier(template)}`);
  });
  const url = urlOf(name);
  const client = await connect(url);
  return {
    name,
    url,
    query: async <Row extends QueryResultRow>(text: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(text, [...values])).rows,
    drop: async ({ allowLeaks = false } = {}) => {
      await client.end();
      await withAdmin(async (admin) => {
        const leaks = allowLeaks ? [] : await remainingSessions(admin, name);
        await admin.query(`DROP DATABASE IF EXISTS ${escapeIdentifier(name)} WITH (FORCE)`);
        if (leaks.length > 0)
          throw new Error(`sessions of the test database were left open: ${leaks.join('; ')}`);
      });
    },
  };
}

/** The URL of the run's server, for another database of it. */
export function urlOf(database: string): string {
  const url = new URL(adminUrl());
  url.pathname = `/${database}`;
  return url.href;
}

function adminUrl(): string {
  const url = inject('adminDatabaseUrl') as string | undefined;
  if (!url) {
    throw new Error(
      'no PostgreSQL for this test: run it in the integration, contract or e2e project (`npx vitest run --project integration`), ' +
        'whose global setup starts one, or set TEST_DATABASE_URL',
    );
  }
  return url;
}

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'test' });
  // The server goes down in some tests; the next statement tells.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function withAdmin<Result>(work: (admin: Client) => Promise<Result>): Promise<Result> {
  const admin = await connect(adminUrl());
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** The template's name changes with the migrations, so that a server that outlives the run never serves an old schema. */
async function ensureTemplate(admin: Client): Promise<string> {
  const name = `rookery_template_${await hashOfMigrations()}`;
  // Held until the session of `withAdmin` ends: one process makes the template, the others wait here.
  await admin.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
  const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [name]);
  if (rowCount === 0) await makeTemplate(admin, name);
  await admin.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
  return name;
}

/** Renamed only when complete, so that a run that dies half way leaves no half template. */
async function makeTemplate(admin: Client, name: string): Promise<void> {
  const draft = `${name}_draft`;
  await admin.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
  const quiet = { log: () => undefined, warn: () => undefined };
  const database = new Database({
    settings: { url: urlOf(draft), schema: 'public', folder: '' },
    log: quiet,
  });
  await database.open();
  await database.close();
  await remainingSessions(admin, draft);
  await admin.query(`ALTER DATABASE ${draft} RENAME TO ${name}`);
}

async function hashOfMigrations(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of (await readdir(MIGRATIONS)).sort()) {
    hash.update(file).update(await readFile(join(MIGRATIONS, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

/** Waits a moment for the last sessions to go, and describes those that did not. */
async function remainingSessions(admin: Client, name: string): Promise<string[]> {
  const list = async (): Promise<string[]> => {
    const { rows } = await admin.query<{ session: string }>(
      `SELECT format('%s (%s): %s', application_name, state, left(query, 120)) AS session FROM pg_stat_activity
        WHERE datname = $1 AND backend_type = 'client backend'`,
      [name],
    );
    return rows.map((row) => row.session);
  };
  try {
    await eventually(async () => (await list()).length === 0, { withinMs: GOODBYE_MS });
    return [];
  } catch {
    return list();
  }
}
