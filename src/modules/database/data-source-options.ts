import type { EntitySchema, Logger, MigrationInterface, MixedList } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { ConnectionOptions } from './connection-options.js';
import { poolConfig } from './pool-config.js';
import { MIGRATION_TABLE } from './schema-guard.js';
import { migrationSettings, ordinarySettings, settingsSql } from './session-settings.js';

/** A class with TypeORM's `@Entity`, or a schema that stands for one. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- TypeORM's own type of an entity class
export type Entities = MixedList<Function | string | EntitySchema>;

/** A migration as TypeORM makes it. */
export type MigrationClass = new () => MigrationInterface;

export interface DataSourceSettings {
  readonly connection: ConnectionOptions;
  readonly schema: string;
  readonly entities?: Entities;
  readonly migrations: readonly MigrationClass[];
  /** Takes the error of a session that broke while idle. */
  readonly onIdleError: (error: unknown) => void;
}

/** Most sessions of the DataSource: it serves ordinary reads, and migrations one by one. */
const MAX_SESSIONS = 4;

/** TypeORM prints the failure of a migration whatever `logging` says; every error reaches our own log by being thrown. */
const silent: Logger = {
  logQuery: () => undefined,
  logQueryError: () => undefined,
  logQuerySlow: () => undefined,
  logSchemaBuild: () => undefined,
  logMigration: () => undefined,
  log: () => undefined,
};

/** Options of a DataSource for ordinary reads: bounded statements, our schema, and nothing that TypeORM would change by itself. */
export function dataSourceOptions(settings: DataSourceSettings): PostgresDataSourceOptions {
  return {
    ...commonOptions(settings),
    extra: pool(settings, settingsSql(ordinarySettings(settings.schema), 'server')),
  };
}

/** Options of a DataSource that runs migrations: its statements have no timeout, because an index on a big table takes its time. */
export function migrationOptions(settings: DataSourceSettings): PostgresDataSourceOptions {
  return {
    ...commonOptions(settings),
    extra: pool(settings, settingsSql(migrationSettings(settings.schema), 'server')),
  };
}

function commonOptions(settings: DataSourceSettings): PostgresDataSourceOptions {
  const { connection, schema, entities = [], migrations, onIdleError } = settings;
  return {
    type: 'postgres',
    schema,
    entities,
    migrations: [...migrations],
    migrationsTableName: MIGRATION_TABLE,
    migrationsTransactionMode: 'each',
    migrationsRun: false,
    synchronize: false,
    // Ids are made by Rookery: no extension is needed, and none is installed in the user's database.
    installExtensions: false,
    logging: false,
    logger: silent,
    poolErrorHandler: onIdleError,
    ...(connection.database !== undefined && { database: connection.database }),
  };
}

function pool({ connection }: DataSourceSettings, setupSql: string): object {
  return poolConfig({ connection, name: 'orm', setupSql }, MAX_SESSIONS);
}
