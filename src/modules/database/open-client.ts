import { Client, type ClientBase, type QueryResult, type QueryResultRow } from 'pg';
import type { ConnectionOptions } from './connection-options.js';
import { rowTypes } from './row-types.js';

/** Longest wait for the settings of a new session to be answered. */
const SETUP_DEADLINE_MS = 10_000;

/** Longest wait for a goodbye; after it the socket is cut. */
const CLOSE_DEADLINE_MS = 1_000;

/** What one session of PostgreSQL is opened with. */
export interface ClientOptions {
  readonly connection: ConnectionOptions;
  /** What the session is for, shown in pg_stat_activity. */
  readonly name: string;
  /** Applied before the session is handed out. */
  readonly setupSql: string;
}

/**
 * Opens one session, set up and ready. `onEnd` is called once when it ends, whoever ended it; nothing it does later can crash the
 * process. Rejects with nothing left behind.
 */
export async function openClient(options: ClientOptions, onEnd: (error: Error) => void): Promise<Client> {
  const client = new Client(sessionConfig(options.connection, options.name));
  let cause: Error | undefined;
  client.on('error', (error) => (cause ??= error));
  try {
    await client.connect();
    await queryWithin(client, SETUP_DEADLINE_MS, options.setupSql);
  } catch (error) {
    cutOff(client);
    throw error;
  }
  client.once('end', () => onEnd(cause ?? new Error('Connection terminated')));
  return client;
}

/** What `pg` is given for a session or pool of ours. */
export function sessionConfig<Options extends ConnectionOptions>(
  connection: Options,
  name: string,
): Options & { types: typeof rowTypes } {
  return { ...connection, application_name: `${connection.application_name}:${name}`, types: rowTypes };
}

/**
 * Runs one statement and cuts the connection when it is not answered in time, so that a network that swallows packets ends in an error
 * (`isConnectionLost`) and not in silence. The server has its own, shorter timeouts.
 */
export async function queryWithin<Row extends QueryResultRow>(
  client: ClientBase,
  deadlineMs: number,
  text: string,
  values?: readonly unknown[],
  name?: string,
): Promise<QueryResult<Row>> {
  const timer = setTimeout(() => cutOff(client), deadlineMs);
  try {
    return await client.query<Row, unknown[]>({
      text,
      ...(values && { values: values as unknown[] }),
      ...(name !== undefined && { name }),
    });
  } finally {
    clearTimeout(timer);
  }
}

/** Ends the session with a goodbye to the server, or without one when it takes too long; never throws. */
export async function closeClient(client: Client): Promise<void> {
  const timer = setTimeout(() => cutOff(client), CLOSE_DEADLINE_MS);
  try {
    await client.end();
  } finally {
    clearTimeout(timer);
  }
}

/** Destroys the socket: whatever waits on this session fails as a lost connection. */
export function cutOff(client: ClientBase): void {
  (client as Client).connection.stream.destroy();
}
