import type { Client, QueryResult, QueryResultRow } from 'pg';
import { monotonicMs } from '../../kernel/clock.js';
import type { DatabaseContact } from './database-contact.js';
import {
  closeClient,
  endSession,
  openClient,
  queryWithin,
  sessionOf,
  type ClientOptions,
  type LostSession,
} from './open-client.js';
import { HOT_DEADLINE_MS } from './session-settings.js';
import { isConnectionLost, isStaleStatement } from './sql-errors.js';
import type { StatementMeter } from './statement-meter.js';

/** A statement that is parsed once a session: `name` stands for `text`, always the same one, ≤ 63 bytes. */
export interface PreparedStatement {
  readonly name: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** What may be asked of a hot connection, and of a transaction on it. */
export interface HotQueries {
  /** The rows the statement returns, as objects by column (measured: rows as arrays are no cheaper). */
  query<Row extends QueryResultRow>(statement: PreparedStatement): Promise<Row[]>;
  /** How many rows the statement changed. */
  execute(statement: PreparedStatement): Promise<number>;
}

/** What a hot connection has done since it was made. */
export interface HotConnectionStats {
  readonly name: string;
  readonly isConnected: boolean;
  /** Sessions opened after an earlier one broke. */
  readonly reconnects: number;
}

/**
 * Names a session may have prepared. Statements name the partition of their day, so new names come every midnight and old ones are
 * never used again; a fresh session forgets them. Far above what one day needs, so that it happens every few weeks.
 */
const MAX_PREPARED = 200;

/** Longest wait for a statement in flight when the connection is closed. */
const CLOSE_WAIT_MS = 5_000;

/**
 * One session of PostgreSQL for the statements every job needs: prepared by name, one at a time in the order they were asked for. It
 * connects with its first statement; after a break the statement in flight fails (`isConnectionLost`: its effect is unknown) and the
 * next one connects anew, once the session that broke has ended at the server too: what it left unknown can no longer change. A prepared statement that went stale is healed without the caller's notice, outside of transactions.
 */
export class HotConnection implements HotQueries {
  private client: Client | undefined;
  private tail: Promise<unknown> = Promise.resolve();
  private readonly prepared = new Set<string>();
  private lost: LostSession | undefined;
  private broke = false;
  private reconnects = 0;
  private isClosed = false;
  private readonly meter: ReturnType<StatementMeter['of']>;

  constructor(
    private readonly options: ClientOptions,
    private readonly contact: DatabaseContact,
    meter: StatementMeter,
  ) {
    this.meter = meter.of(options.name);
  }

  query<Row extends QueryResultRow>(statement: PreparedStatement): Promise<Row[]> {
    return this.exclusive(async () => (await this.runHealing<Row>(statement)).rows);
  }

  execute(statement: PreparedStatement): Promise<number> {
    return this.exclusive(async () => (await this.runHealing(statement)).rowCount ?? 0);
  }

  /**
   * Runs `work` between BEGIN and COMMIT and nothing else of this connection in between; rolled back when `work` rejects. `work` must ask the
   * queries it is given and not this connection, which waits for it. When it rejects with a lost connection the commit may have happened.
   */
  transaction<Result>(work: (queries: HotQueries) => Promise<Result>): Promise<Result> {
    return this.exclusive(async () => {
      const client = await this.session();
      try {
        await this.run(client, { text: 'BEGIN' });
        const result = await work({
          query: async <Row extends QueryResultRow>(statement: PreparedStatement) =>
            (await this.run<Row>(client, statement)).rows,
          execute: async (statement) => (await this.run(client, statement)).rowCount ?? 0,
        });
        const { command } = await this.run(client, { text: 'COMMIT' });
        // PostgreSQL answers the COMMIT of a failed transaction with a quiet ROLLBACK.
        if (command !== 'COMMIT')
          throw new Error('the transaction was rolled back: a statement in it had failed');
        return result;
      } catch (error) {
        await this.rollBack(client, error);
        throw error;
      }
    });
  }

  /** Resolves when nothing that was asked for before can still take effect; rejects when the database cannot be reached to see to that. */
  async quiesce(): Promise<void> {
    await this.exclusive(() => this.session());
  }

  get stats(): HotConnectionStats {
    return { name: this.options.name, isConnected: this.client !== undefined, reconnects: this.reconnects };
  }

  /** Takes no more statements, waits a while for those asked before, then ends the session. Idempotent. */
  async close(): Promise<void> {
    this.isClosed = true;
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_WAIT_MS)));
    await Promise.race([this.tail, enough]);
    clearTimeout(timer);
    await this.discard();
  }

  private exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.isClosed) return Promise.reject(new Error(`the ${this.options.name} connection is closed`));
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }

  private async runHealing<Row extends QueryResultRow>(
    statement: PreparedStatement,
  ): Promise<QueryResult<Row>> {
    if (this.prepared.size >= MAX_PREPARED && !this.prepared.has(statement.name)) await this.discard();
    try {
      return await this.run<Row>(await this.session(), statement);
    } catch (error) {
      if (!isStaleStatement(error)) throw error;
      await this.discard();
      return await this.run<Row>(await this.session(), statement);
    }
  }

  private async run<Row extends QueryResultRow>(
    client: Client,
    { name, text, values }: Partial<PreparedStatement> & { text: string },
  ): Promise<QueryResult<Row>> {
    if (name !== undefined) this.prepared.add(name);
    const sentAt = monotonicMs();
    try {
      const result = await queryWithin<Row>(client, HOT_DEADLINE_MS, text, values, name);
      this.meter.seconds.observe((monotonicMs() - sentAt) / 1000);
      this.contact.made();
      return result;
    } catch (error) {
      this.meter.errors.value++;
      if (isConnectionLost(error)) this.drop(client, error);
      throw error;
    }
  }

  private async session(): Promise<Client> {
    if (this.client) return this.client;
    try {
      const client = await openClient(this.options, (error) => this.drop(client, error));
      await this.endLost(client);
      this.client = client;
      this.prepared.clear();
      if (this.broke) this.reconnects++;
      this.broke = false;
      return client;
    } catch (error) {
      if (isConnectionLost(error)) this.contact.lost(error);
      throw error;
    }
  }

  private async endLost(client: Client): Promise<void> {
    if (!this.lost) return;
    try {
      await endSession(client, this.lost);
      this.lost = undefined;
    } catch (error) {
      void closeClient(client);
      throw error;
    }
  }

  private async rollBack(client: Client, cause: unknown): Promise<void> {
    if (this.client !== client) return;
    try {
      await this.run(client, { text: 'ROLLBACK' });
      if (isStaleStatement(cause)) await this.discard();
    } catch {
      // Without an answer the session is of no use; ending it rolls back.
      await this.discard();
    }
  }

  /** The session broke; called from the error of a statement and from the session's end, whichever comes first. */
  private drop(client: Client, error: unknown): void {
    if (this.client !== client) return;
    this.client = undefined;
    this.lost = sessionOf(client, this.options);
    this.broke = true;
    this.contact.lost(error);
    void closeClient(client);
  }

  /** Ends the session on purpose. */
  private async discard(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    this.prepared.clear();
    if (client) await closeClient(client);
  }
}
