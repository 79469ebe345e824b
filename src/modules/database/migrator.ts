import { setTimeout as pause } from 'node:timers/promises';
import { type Client, escapeIdentifier } from 'pg';
import { DataSource } from 'typeorm';
import { monotonicMs } from '../../kernel/clock.js';
import { type DataSourceSettings, type MigrationClass, migrationOptions } from './data-source-options.js';
import { MIGRATION_TABLE, pendingMigrations } from './schema-guard.js';
import { isLockTimeout } from './sql-errors.js';

/** How often a process that waits for another's migration looks whether it is done. */
const LOCK_POLL_MS = 100;

/** Between two tries of a migration that found a table locked: those who had to wait behind it get their turn. */
const TABLE_LOCK_PAUSE_MS = 2_000;

/** How often it is told whom a migration waits for. */
const TELL_EVERY_MS = 30_000;

/** A wait as short as this is not worth a line in the log. */
const QUIET_WAIT_MS = 2_000;

export interface MigrateOptions extends DataSourceSettings {
  /** How the server is called in lines and errors. */
  readonly server: string;
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings the schema up to this code's migrations, each in a transaction of its own; does nothing, and takes no lock, when it is. Many
 * processes may call it together: one migrates, the others wait for it.
 * @param client a session of its own, whose end gives up the lock
 * @throws RookeryError schema_newer, before anything is written
 */
export async function migrate(client: Client, options: MigrateOptions): Promise<void> {
  if ((await pending(client, options)).length === 0) return;
  await takeLock(client, options);
  try {
    const names = await pending(client, options);
    if (names.length === 0) return;
    await makeSchema(client, options.schema);
    await runMigrations(client, options);
    options.log(`migrated ${describe(options)}: ${names.join(', ')}`);
  } finally {
    // A session that broke has lost the lock already.
    await client.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
  }
}

async function pending(client: Client, options: MigrateOptions): Promise<string[]> {
  const known = options.migrations.map(nameOf);
  return pendingMigrations(await appliedMigrations(client, options.schema), known, describe(options));
}

async function appliedMigrations(client: Client, schema: string): Promise<string[]> {
  const table = `${escapeIdentifier(schema)}.${MIGRATION_TABLE}`;
  const found = await client.query<{ exists: boolean }>('SELECT to_regclass($1) IS NOT NULL AS exists', [
    table,
  ]);
  if (!found.rows[0]?.exists) return [];
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${table} ORDER BY id`);
  return rows.map((row) => row.name);
}

/**
 * Tried again and again, and not waited for: a session that waits within a statement holds a snapshot, on which another's CREATE INDEX
 * CONCURRENTLY would wait for ever.
 */
async function takeLock(client: Client, { schema, server, log, signal }: MigrateOptions): Promise<void> {
  const startedAt = monotonicMs();
  let isTold = false;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
      [`${MIGRATION_TABLE}:${schema}`],
    );
    if (rows[0]?.taken) return;
    if (!isTold && monotonicMs() - startedAt > QUIET_WAIT_MS) {
      isTold = true;
      log(`waiting for another process that migrates schema "${schema}" of ${server}`);
    }
    await pause(LOCK_POLL_MS, undefined, { signal });
  }
}

/** Looks first: CREATE SCHEMA IF NOT EXISTS asks for the right to create even where nothing is to be made. */
async function makeSchema(client: Client, schema: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rowCount === 0) await client.query(`CREATE SCHEMA ${escapeIdentifier(schema)}`);
}

async function runMigrations(client: Client, options: MigrateOptions): Promise<void> {
  const dataSource = new DataSource(migrationOptions(options));
  await dataSource.initialize();
  try {
    let tellAt = monotonicMs();
    while (!(await areThrough(dataSource))) {
      if (monotonicMs() >= tellAt) {
        tellAt = monotonicMs() + TELL_EVERY_MS;
        options.log(
          `a migration of ${describe(options)} waits for ${await whoHolds(client, options.schema)}`,
        );
      }
      await pause(TABLE_LOCK_PAUSE_MS, undefined, { signal: options.signal });
    }
  } finally {
    await dataSource.destroy();
  }
}

/** Runs what is pending; false when a table is locked: what ran before stays, and the one that met the lock has left nothing. */
async function areThrough(dataSource: DataSource): Promise<boolean> {
  try {
    await dataSource.runMigrations();
    return true;
  } catch (error) {
    if (isLockTimeout(error)) return false;
    throw error;
  }
}

/** The oldest transaction that has locked a table of the schema, as an operator looks for it. */
async function whoHolds(client: Client, schema: string): Promise<string> {
  const { rows } = await client.query<{ pid: number; application: string; since: Date }>(
    `SELECT a.pid, a.application_name AS application, a.xact_start AS since
       FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a ON a.pid = l.pid
      WHERE l.granted AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND c.relnamespace = to_regnamespace($1) AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
      ORDER BY a.xact_start LIMIT 1`,
    [escapeIdentifier(schema)],
  );
  const [holder] = rows;
  if (!holder) return 'a transaction that holds a lock on a table of it';
  const { pid, application, since } = holder;
  return `the transaction of session ${pid} (${application || 'no name'}), which began at ${since.toISOString()} and holds a lock on a table of it`;
}

/** The name TypeORM records. */
function nameOf(migration: MigrationClass): string {
  return new migration().name ?? migration.name;
}

function describe({ schema, server }: MigrateOptions): string {
  return `schema "${schema}" of ${server}`;
}
