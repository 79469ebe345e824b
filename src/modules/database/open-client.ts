import { Client, type ClientBase, type QueryResult, type QueryResultRow } from 'pg';
import { monotonicMs } from '../../kernel/clock.js';
import type { ConnectionOptions } from './connection-options.js';
import { rowTypes } from './row-types.js';

/** Longest wait for the settings of a new session to be answered. */
const SETUP_DEADLINE_MS = 10_000;

/** Longest wait for a goodbye; after it the socket is cut. */
const CLOSE_DEADLINE_MS = 1_000;

/** How long a session that broke may take to end when it is told to. */
const END_SESSION_WITHIN_MS = 5_000;

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

/** A session that broke, as the server knows it. */
export interface LostSession {
  readonly pid: number;
  readonly applicationName: string;
  /** Monotonic, in ms. */
  readonly lostAtMs: number;
}

/** The session's name at the server, for when it breaks; undefined when the server never told it. */
export function sessionOf(client: Client, { connection, name }: ClientOptions): LostSession | undefined {
  const { processID: pid } = client as Client & { readonly processID?: number | null };
  if (typeof pid !== 'number') return undefined;
  return { pid, applicationName: `${connection.application_name}:${name}`, lostAtMs: monotonicMs() };
}

/**
 * Ends a session that broke, where it still lives: the server may be at work on its last statement without knowing that nobody waits for
 * the answer. Rejects when it does not end in time. A session whose number has been given to another since is left alone.
 */
export async function endSession(client: Client, lost: LostSession): Promise<void> {
  const values = [lost.pid, lost.applicationName, monotonicMs() - lost.lostAtMs, END_SESSION_WITHIN_MS];
  const { rows } = await queryWithin<{ isEnded: boolean }>(client, SETUP_DEADLINE_MS, END_SESSION, values);
  if (rows.some(({ isEnded }) => !isEnded))
    throw new Error(`Connection terminated, but the server still works on it (process ${lost.pid})`);
}

const END_SESSION = `
SELECT pg_terminate_backend(pid, $4) AS "isEnded" FROM pg_stat_activity
 WHERE pid = $1 AND application_name = $2 AND datname = current_database() AND usename = current_user
   AND backend_start < clock_timestamp() - $3::float8 * interval '1 ms'`;

/** Destroys the socket: whatever waits on this session fails as a lost connection. */
export function cutOff(client: ClientBase): void {
  (client as Client).connection.stream.destroy();
}
