import { Pool, type PoolClient, type QueryResult, type QueryResultRow } from 'pg';
import type { DatabaseContact } from './database-contact.js';
import { type ClientOptions, queryWithin } from './open-client.js';
import { poolConfig } from './pool-config.js';
import { poolUse, type PoolUse } from './pool-use.js';
import { CONTROL_DEADLINE_MS } from './session-settings.js';
import { isConnectionLost } from './sql-errors.js';

/** What may be asked of the control pool, and of a transaction on it. */
export interface ControlQueries {
  /** The rows the statement returns, as objects by column. */
  query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** How many rows the statement changed. */
  execute(text: string, values?: readonly unknown[]): Promise<number>;
}

/** Most sessions: the lease, a duty, and two for requests. */
const MAX_SESSIONS = 4;

/** Longest wait for statements in flight when the pool is closed. */
const CLOSE_WAIT_MS = 5_000;

/**
 * A few sessions apart from the hot ones, for what must go through when jobs flood in: lease, cancel, schedules, status. Statements are
 * bounded in time; a session that broke is replaced with the next statement, and one that merely refused a statement is kept.
 */
export class ControlPool implements ControlQueries {
  private readonly pool: Pool;
  private closing: Promise<void> | undefined;

  constructor(
    options: ClientOptions,
    private readonly contact: DatabaseContact,
  ) {
    this.pool = new Pool(poolConfig(options, MAX_SESSIONS));
    this.pool.on('error', (error) => this.contact.lost(error));
  }

  query<Row extends QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]> {
    return this.withClient(async (client) => (await run<Row>(client, text, values)).rows);
  }

  execute(text: string, values?: readonly unknown[]): Promise<number> {
    return this.withClient(async (client) => (await run(client, text, values)).rowCount ?? 0);
  }

  /** Runs `work` between BEGIN and COMMIT; rolled back when it rejects. Its statements share one session. */
  transaction<Result>(work: (queries: ControlQueries) => Promise<Result>): Promise<Result> {
    return this.withClient(async (client) => {
      await run(client, 'BEGIN');
      try {
        const result = await work({
          query: async <Row extends QueryResultRow>(text: string, values?: readonly unknown[]) =>
            (await run<Row>(client, text, values)).rows,
          execute: async (text, values) => (await run(client, text, values)).rowCount ?? 0,
        });
        const { command } = await run(client, 'COMMIT');
        // PostgreSQL answers the COMMIT of a failed transaction with a quiet ROLLBACK.
        if (command !== 'COMMIT')
          throw new Error('the transaction was rolled back: a statement in it had failed');
        return result;
      } catch (error) {
        if (!isConnectionLost(error)) await run(client, 'ROLLBACK');
        throw error;
      }
    });
  }

  /** How its sessions are used at the moment. */
  get use(): PoolUse {
    return poolUse(this.pool);
  }

  /** Waits a while for the statements in flight, then ends every session. Idempotent. */
  close(): Promise<void> {
    this.closing ??= endPool(this.pool);
    return this.closing;
  }

  private async withClient<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    if (this.closing) throw new Error('the control pool is closed');
    let client: PoolClient | undefined;
    let failure: unknown;
    try {
      client = await this.pool.connect();
      const result = await work(client);
      this.contact.made();
      return result;
    } catch (error) {
      failure = error;
      if (isConnectionLost(error)) this.contact.lost(error);
      throw error;
    } finally {
      // A session that is amid a transaction, because even its ROLLBACK failed, must not be handed to the next.
      client?.release(isConnectionLost(failure) || client.getTransactionStatus() !== 'I');
    }
  }
}

async function endPool(pool: Pool): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_WAIT_MS)));
  await Promise.race([pool.end(), enough]);
  clearTimeout(timer);
}

function run<Row extends QueryResultRow>(
  client: PoolClient,
  text: string,
  values?: readonly unknown[],
): Promise<QueryResult<Row>> {
  return queryWithin<Row>(client, CONTROL_DEADLINE_MS, text, values);
}
