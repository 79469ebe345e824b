import { setTimeout as pause } from 'node:timers/promises';
import { type Client, escapeIdentifier } from 'pg';
import { DataSource } from 'typeorm';
import { monotonicMs } from '../../kernel/clock.js';
import { type DataSourceSettings, type MigrationClass, migrationOptions } from './data-source-options.js';
import { MIGRATION_TABLE, pendingMigrations } from './schema-guard.js';

/** How often a process that waits for another's migration looks whether it is done. */
const LOCK_POLL_MS = 100;

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
    await runMigrations(options);
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

async function runMigrations(options: MigrateOptions): Promise<void> {
  const dataSource = new DataSource(migrationOptions(options));
  await dataSource.initialize();
  try {
    await dataSource.runMigrations();
  } finally {
    await dataSource.destroy();
  }
}

/** The name TypeORM records. */
function nameOf(migration: MigrationClass): string {
  return new migration().name ?? migration.name;
}

function describe({ schema, server }: MigrateOptions): string {
  return `schema "${schema}" of ${server}`;
}
