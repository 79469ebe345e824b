import { Client, type ClientConfig } from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import type { DataSource } from 'typeorm';
import { RookeryError } from '../../kernel/errors.js';
import { isRecord } from '../../kernel/json.js';

/** How to reach PostgreSQL, complete and without a URL; every connection of this process is made from the one value. */
export type ConnectionOptions = Readonly<Omit<ClientConfig, 'connectionString'>> & {
  /** Prefix of the name a session shows in pg_stat_activity. */
  readonly application_name: string;
};

/** Longest wait for a new connection: a host that swallows packets is given up on, and the attempt is repeated. */
const CONNECT_TIMEOUT_MS = 10_000;

/** An idle connection is probed after this long, so that a router that forgot it is noticed. */
const KEEP_ALIVE_AFTER_MS = 10_000;

const PROTOCOLS = ['postgres:', 'postgresql:', 'socket:'];

/** What a TypeORM `extra` may say of the connection; the rest of it concerns the foreign pool or its sessions. */
const EXTRA_KEYS = [
  'user',
  'database',
  'password',
  'port',
  'host',
  'ssl',
  'sslnegotiation',
  'enableChannelBinding',
  'scramMaxIterations',
  'stream',
  'options',
  'client_encoding',
] as const;

/**
 * The options a connection URL stands for, with TLS files read in; an `application_name` in it is kept.
 * @throws RookeryError invalid_config, which never repeats the URL because it holds a password
 */
export function connectionOptionsOfUrl(url: string): ConnectionOptions {
  return { ...defaults(), ...parseUrl(url, 'the database URL') };
}

/**
 * The options a foreign application's DataSource connects with (its primary, when it replicates), so that Rookery uses the same
 * database with connections of its own.
 * @throws RookeryError invalid_config when the DataSource is not of PostgreSQL
 */
export function connectionOptionsOfDataSource(dataSource: DataSource): ConnectionOptions {
  const { options } = dataSource;
  if (options.type !== 'postgres') {
    throw new RookeryError(
      'invalid_config',
      `Rookery keeps its tables in PostgreSQL, and the given DataSource is of type "${options.type}"; ` +
        `give it a DataSource of type "postgres", or none and set DATABASE_URL`,
    );
  }
  const credentials = options.replication?.master ?? options;
  const extra: Record<string, unknown> = isRecord(options.extra) ? options.extra : {};
  const url = extra['connectionString'] ?? credentials.url;
  return {
    ...defaults(),
    ...given({
      host: credentials.host,
      port: credentials.port,
      user: credentials.username,
      password: credentials.password,
      database: credentials.database,
      ssl: credentials.ssl,
    }),
    ...given(Object.fromEntries(EXTRA_KEYS.map((key) => [key, extra[key]]))),
    // As in TypeORM and pg, what the URL says goes before the single settings.
    ...(typeof url === 'string' ? parseUrl(url, "the DataSource's url") : {}),
  };
}

/** `host:port/database` as a session of these options would use them, defaults and PG… variables included; without the password. */
export function describeServer(options: ConnectionOptions): string {
  const { host, port, database } = new Client(options);
  return `${host.includes(':') ? `[${host}]` : host}:${port}/${database ?? ''}`;
}

function defaults(): ConnectionOptions {
  return {
    application_name: 'rookery',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  };
}

function parseUrl(url: string, name: string): Partial<ConnectionOptions> {
  if (!url.startsWith('/') && !PROTOCOLS.some((protocol) => url.startsWith(protocol))) {
    throw invalidUrl(name, 'it does not begin with postgres://');
  }
  try {
    return parseIntoClientConfig(url) as Partial<ConnectionOptions>;
  } catch (error) {
    // Only a TLS file that cannot be read explains itself without repeating parts of the URL that may be secret.
    const path = (error as { path?: unknown }).path;
    throw invalidUrl(
      name,
      typeof path === 'string' ? `the file ${path} it names cannot be read` : 'it is not a URL',
    );
  }
}

function invalidUrl(name: string, reason: string): RookeryError {
  return new RookeryError(
    'invalid_config',
    `${name} cannot be used: ${reason}; write postgres://user:password@host:5432/database, with special characters percent-encoded`,
  );
}

function given(settings: Record<string, unknown>): Partial<ConnectionOptions> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
