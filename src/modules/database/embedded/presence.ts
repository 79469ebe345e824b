import pg from 'pg';

/**
 * One process's presence at the server: a connection that holds a shared advisory lock for as long as the process uses
 * the server. PostgreSQL lets go of it however the process ends, so that whoever gets the lock alone is the last one.
 */

/** The two halves of the lock's key: "rook" in ASCII, and the first lock of that family. */
const LOCK = [0x726f6f6b, 1] as const;

const CONNECT_BOUND_MS = 10_000;

/** SQLSTATEs that PostgreSQL answers while it starts or stops, and the network's words for nobody there. */
const NOT_YET = new Set(['57P03', '57P01', '57P02', '53300', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

const NO_SUCH_DATABASE = '3D000';
const DATABASE_EXISTS = '42P04';
const WRONG_PASSWORD = '28P01';
const LOCK_NOT_AVAILABLE = '55P03';

/** In which a server notices that a process was killed, in ms; as long as a stop waits that leaves others behind. */
const NOTICED_WITHIN_MS = 250;

/** Why a presence could not be taken: the server is not ready, or it is not the one of our data. */
export type NoPresence = 'not_yet' | 'another_server';

export class Presence {
  /** Resolves when the connection has ended by anything but `leave`. */
  readonly lost: Promise<void>;
  private isLeaving = false;

  private constructor(private readonly client: pg.Client) {
    this.lost = new Promise((resolve) => {
      client.once('end', () => {
        if (!this.isLeaving) resolve();
      });
    });
  }

  /**
   * Joins those present at the server behind that URL; makes the URL's database if this is the first time.
   * @param data the true path of the data the server must serve
   */
  static async take(url: string, data: string): Promise<Presence | NoPresence> {
    let presence: Presence | undefined;
    try {
      presence = new Presence(await connectOrCreate(url));
      if (await presence.isAt(data)) return presence;
      await presence.leave();
      return 'another_server';
    } catch (error) {
      await presence?.leave();
      if (isNotYet(error)) return 'not_yet';
      if (codeOf(error) === WRONG_PASSWORD) return 'another_server';
      throw error;
    }
  }

  private async isAt(data: string): Promise<boolean> {
    const answer = await this.client.query<{ data: string }>(
      `SELECT current_setting('data_directory') AS data, pg_advisory_lock_shared(${LOCK.join(', ')})`,
    );
    return samePath(answer.rows[0]?.data, data);
  }

  /**
   * Gives the lock back; true when nobody else is present, and then nobody may come until `leave`. Waits a moment for those whose end the
   * server has not noticed yet.
   */
  async retire(): Promise<boolean> {
    await this.client.query(
      `SELECT pg_advisory_unlock_shared(${LOCK.join(', ')}), set_config('lock_timeout', '${NOTICED_WITHIN_MS}', false)`,
    );
    try {
      await this.client.query(`SELECT pg_advisory_lock(${LOCK.join(', ')})`);
      return true;
    } catch (error) {
      if (codeOf(error) === LOCK_NOT_AVAILABLE) return false;
      throw error;
    }
  }

  /** Ends the connection, and with it the presence. */
  async leave(): Promise<void> {
    this.isLeaving = true;
    await this.client.end().catch(() => undefined);
  }
}

async function connectOrCreate(url: string): Promise<pg.Client> {
  try {
    return await connect(url);
  } catch (error) {
    if (codeOf(error) !== NO_SUCH_DATABASE) throw error;
    await createDatabase(url);
    return connect(url);
  }
}

async function createDatabase(url: string): Promise<void> {
  const target = new URL(url);
  const name = target.pathname.slice(1);
  target.pathname = '/postgres';
  const client = await connect(target.href);
  try {
    await client.query(`CREATE DATABASE "${name}"`);
  } catch (error) {
    if (codeOf(error) !== DATABASE_EXISTS) throw error;
  } finally {
    await client.end();
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'rookery presence',
    connectionTimeoutMillis: CONNECT_BOUND_MS,
    keepAlive: true,
  });
  // A connection that breaks is told by 'end'; an 'error' that nobody hears would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function isNotYet(error: unknown): boolean {
  const code = codeOf(error);
  return (
    (code !== undefined && NOT_YET.has(code)) ||
    /Connection terminated|timeout expired/.test((error as Error).message)
  );
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

/** Windows' server writes its paths with forward slashes. */
function samePath(left: string | undefined, right: string): boolean {
  return left?.replaceAll('\\', '/') === right.replaceAll('\\', '/');
}
