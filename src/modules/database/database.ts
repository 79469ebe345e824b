import { type Client, escapeIdentifier, type Pool } from 'pg';
import { DataSource } from 'typeorm';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { DatabaseClock } from '../../kernel/clock.js';
import { Metrics } from '../../kernel/metrics.js';
import { migrations as ownMigrations } from '../../migrations/index.js';
import { MIGRATION_TABLE } from './schema-guard.js';
import { NotReadyError } from './boot-failure.js';
import { waitForDatabase } from './boot-wait.js';
import {
  type ConnectionOptions,
  connectionOptionsOfDataSource,
  connectionOptionsOfUrl,
  describeServer,
} from './connection-options.js';
import { ClockKeeper } from './clock-keeper.js';
import { ControlPool } from './control-pool.js';
import { type ContactLog, DatabaseContact, type DatabaseState } from './database-contact.js';
import {
  dataSourceOptions,
  type DataSourceSettings,
  type Entities,
  type MigrationClass,
} from './data-source-options.js';
import { DedicatedConnection } from './dedicated-connection.js';
import { openEmbeddedPostgres } from './embedded/index.js';
import { HotConnection, type HotConnectionStats } from './hot-connection.js';
import { migrate } from './migrator.js';
import { poolUse, type PoolUse } from './pool-use.js';
import { closeClient, type ClientOptions, openClient } from './open-client.js';
import { assertSupportedVersion } from './server-version.js';
import {
  controlSettings,
  holdingSettings,
  hotSettings,
  migrationSettings,
  settingsSql,
} from './session-settings.js';
import { StatementMeter } from './statement-meter.js';
import { synchronizeClock } from './synchronize-clock.js';

export interface DatabaseOptions {
  /** Which database: `url`, else the embedded server in `folder`; the tables live in `schema`. */
  readonly settings: { readonly url?: string; readonly schema: string; readonly folder: string };
  /** A foreign application's DataSource, whose server is used instead, through connections of our own. */
  readonly dataSource?: DataSource;
  /** Entities of our DataSource. */
  readonly entities?: Entities;
  /** Default: all of Rookery's. */
  readonly migrations?: readonly MigrationClass[];
  /** How long an unreachable server is waited for at boot, in ms. Default 30 s. */
  readonly bootTimeoutMs?: number;
  readonly log: ContactLog;
  /** Where statements are measured. Default: nowhere that anybody reads. */
  readonly metrics?: Metrics;
}

/** How long a server that starts together with us may take: as long as a container's health check usually allows. */
const BOOT_TIMEOUT_MS = 30_000;

interface Opened {
  readonly connection: ConnectionOptions;
  readonly server: string;
  readonly contact: DatabaseContact;
  readonly control: ControlPool;
  readonly dataSource: DataSource;
}

/** The server as it is now. */
export interface DatabaseDescription {
  /** As people write it: `18.1`. */
  readonly version: string;
  /** Migrations of this code that the schema lacks. */
  readonly pendingMigrations: readonly string[];
  /** Migrations the schema has and this code does not know: a newer Rookery has been here. */
  readonly unknownMigrations: readonly string[];
}

/**
 * Every connection of this process to PostgreSQL, each kind apart from the others, so that a flood on one does not starve another. Once
 * open it survives any restart of the server: statements in flight fail, later ones connect anew.
 */
export class Database {
  /** The database's clock: set at `open`, every few seconds and whenever the database is back. */
  readonly clock = new DatabaseClock();
  private readonly clockKeeper = new ClockKeeper(() => this.synchronizeClock());
  private readonly aborter = new AbortController();
  private readonly sessions = new Set<{ close(): Promise<void> }>();
  private readonly hotConnections: HotConnection[] = [];
  private readonly meter: StatementMeter;
  private embedded: { readonly url: string; close(): Promise<void> } | undefined;
  private opening: Promise<void> | undefined;
  /** The opening alone, without the closing that follows its failure. */
  private attempt: Promise<void> | undefined;
  private closing: Promise<void> | undefined;
  private opened: Opened | undefined;

  constructor(private readonly options: DatabaseOptions) {
    this.meter = new StatementMeter(options.metrics ?? new Metrics());
  }

  /**
   * Starts or finds the server, waits for it, checks its version, migrates the schema and connects. Idempotent.
   * @throws RookeryError invalid_config, database_unavailable or schema_newer, each with its remedy; nothing stays open then
   */
  open(): Promise<void> {
    this.opening ??= this.openOrClose();
    return this.opening;
  }

  /** Our TypeORM DataSource: entities and ordinary reads, statements bounded by 30 s. */
  get dataSource(): DataSource {
    return this.parts.dataSource;
  }

  /** The small pool of lease, cancel, schedules and status, statements bounded by 10 s. */
  get control(): ControlPool {
    return this.parts.control;
  }

  /** How the sessions of each pool are used; none before `open`. */
  get pools(): ReadonlyMap<string, PoolUse> {
    if (!this.opened?.dataSource.isInitialized) return new Map();
    const { control, dataSource } = this.opened;
    const pool = (dataSource.driver as PostgresDriver).master as Pool;
    return new Map([
      ['control', control.use],
      ['reads', poolUse(pool)],
    ]);
  }

  /** What each hot connection has done. */
  get hotStats(): readonly HotConnectionStats[] {
    return this.hotConnections.map((connection) => connection.stats);
  }

  /** Whether the database can be reached, and since when; away before `open`. */
  get state(): DatabaseState {
    return this.parts.contact.state;
  }

  /** The schema of all our tables. */
  get schema(): string {
    return this.options.settings.schema;
  }

  /** True when the server is our own embedded one, and so every process that uses it runs on this machine. */
  get isEmbedded(): boolean {
    return this.embedded !== undefined;
  }

  /** `host:port/database`, for people. */
  get server(): string {
    return this.parts.server;
  }

  /** The table's name with its schema, quoted, for statements on a connection whose search_path is not ours. */
  qualified(table: string): string {
    return `${escapeIdentifier(this.schema)}.${escapeIdentifier(table)}`;
  }

  /**
   * A new connection for hot statements, which connects with its first one and is closed with the database.
   * @param options `durable`: false answers a commit before it is on disk, for what may be lost in a crash of the server
   */
  hot(name: string, { durable }: { readonly durable: boolean }): HotConnection {
    const setupSql = settingsSql(hotSettings(this.schema), durable ? 'durable' : 'relaxed');
    const connection = new HotConnection(this.clientOptions(name, setupSql), this.parts.contact, this.meter);
    this.sessions.add(connection);
    this.hotConnections.push(connection);
    return connection;
  }

  /**
   * A new session for what a session itself holds, as an advisory lock; it is closed with the database, or earlier by its owner.
   * @param options `mostSilentMs`: the server ends the session once it has asked nothing for so long; 0, the default, for never
   */
  async dedicated(
    name: string,
    { mostSilentMs = 0 }: { readonly mostSilentMs?: number } = {},
  ): Promise<DedicatedConnection> {
    const setupSql = settingsSql(holdingSettings(this.schema, mostSilentMs), 'server');
    const connection = await DedicatedConnection.open(
      this.clientOptions(name, setupSql),
      this.parts.contact,
      () => this.sessions.delete(connection),
    );
    this.sessions.add(connection);
    if (this.closing) await connection.close();
    return connection;
  }

  /** Resolves when the database answers. */
  async ping(): Promise<void> {
    await this.control.query('SELECT 1');
  }

  /** What the server is, and how its schema and this code's differ. Rejects when it does not answer. */
  async describe(): Promise<DatabaseDescription> {
    const [row] = await this.control.query<{ version: string; applied: string[] }>(
      `SELECT current_setting('server_version') AS version, ARRAY(SELECT name FROM ${this.qualified(MIGRATION_TABLE)} ORDER BY id)::text[] AS applied`,
    );
    const applied = row?.applied ?? [];
    const known = (this.options.migrations ?? ownMigrations).map(({ name }) => name);
    return {
      version: row?.version ?? '',
      pendingMigrations: known.filter((name) => !applied.includes(name)),
      unknownMigrations: applied.filter((name) => !known.includes(name)),
    };
  }

  /** Ends every connection, then the embedded server unless another process uses it; ends a wait in `open`. Idempotent. */
  close(): Promise<void> {
    this.closing ??= this.closeAll();
    return this.closing;
  }

  private synchronizeClock(): Promise<void> {
    return synchronizeClock(this.clock, this.control);
  }

  private get parts(): Opened {
    if (!this.opened) throw new Error('the database is not open');
    return this.opened;
  }

  private clientOptions(name: string, setupSql: string): ClientOptions {
    return { connection: this.parts.connection, name, setupSql };
  }

  private async openOrClose(): Promise<void> {
    this.attempt = this.openAll();
    try {
      await this.attempt;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  private async openAll(): Promise<void> {
    // Closed already: a server started now would have nobody to stop it.
    this.aborter.signal.throwIfAborted();
    const connection = await this.resolveConnection();
    const server = describeServer(connection);
    const contact = new DatabaseContact(
      server,
      { probe: () => this.ping(), onReturn: () => this.clockKeeper.now() },
      this.options.log,
    );
    const control = new ControlPool(
      { connection, name: 'control', setupSql: settingsSql(controlSettings(this.schema), 'server') },
      contact,
    );
    const dataSourceSettings: DataSourceSettings = {
      connection,
      schema: this.schema,
      migrations: this.options.migrations ?? ownMigrations,
      onIdleError: (error) => contact.lost(error),
      ...(this.options.entities && { entities: this.options.entities }),
    };
    const dataSource = new DataSource(dataSourceOptions(dataSourceSettings));
    this.opened = { connection, server, contact, control, dataSource };
    await this.connect(dataSourceSettings);
  }

  private async connect(dataSourceSettings: DataSourceSettings): Promise<void> {
    const { server, connection, dataSource } = this.parts;
    const { log, bootTimeoutMs = BOOT_TIMEOUT_MS } = this.options;
    const { signal } = this.aborter;
    const setupSql = settingsSql(migrationSettings(this.schema), 'server');
    const waitOptions = {
      server,
      giveUpAfterMs: bootTimeoutMs,
      warn: (line: string) => log.warn(line),
      signal,
    };
    await waitForDatabase(async (heard) => {
      const client = await openClient({ connection, name: 'boot', setupSql }, () => undefined);
      try {
        await assertUsable(client, server);
        heard();
        await migrate(client, { ...dataSourceSettings, server, log: (line) => log.log(line), signal });
      } finally {
        await closeClient(client);
      }
      if (!dataSource.isInitialized) await dataSource.initialize();
      await this.synchronizeClock();
    }, waitOptions);
    this.clockKeeper.start();
  }

  private async resolveConnection(): Promise<ConnectionOptions> {
    const { dataSource, settings, log } = this.options;
    if (dataSource) return connectionOptionsOfDataSource(dataSource);
    if (settings.url !== undefined) return connectionOptionsOfUrl(settings.url);
    this.embedded = await openEmbeddedPostgres({ folder: settings.folder, log: (line) => log.log(line) });
    return connectionOptionsOfUrl(this.embedded.url);
  }

  private async closeAll(): Promise<void> {
    this.aborter.abort(new Error('the database was closed while it was being opened'));
    await this.attempt?.catch(() => undefined);
    const { opened } = this;
    this.clockKeeper.close();
    opened?.contact.close();
    await Promise.all([...this.sessions].map((session) => session.close()));
    await opened?.control.close();
    if (opened?.dataSource.isInitialized) await opened.dataSource.destroy();
    await this.embedded?.close();
  }
}

/** Refuses a server that is too old, and asks a standby again until it is the primary. */
async function assertUsable(client: Client, server: string): Promise<void> {
  const { rows } = await client.query<{ version: number; text: string; isStandby: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS text,
            pg_is_in_recovery() AS "isStandby"`,
  );
  const [found] = rows;
  if (!found) throw new NotReadyError('it did not tell its version');
  assertSupportedVersion(found.version, found.text, server);
  if (found.isStandby) throw new NotReadyError('it is a read-only standby');
}
