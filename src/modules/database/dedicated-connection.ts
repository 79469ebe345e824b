import type { Client, QueryResultRow } from 'pg';
import type { DatabaseContact } from './database-contact.js';
import { closeClient, type ClientOptions, openClient, queryWithin } from './open-client.js';
import { CONTROL_DEADLINE_MS } from './session-settings.js';
import { isConnectionLost } from './sql-errors.js';

/**
 * One session of PostgreSQL that stands for something the session itself holds, as an advisory lock: it is never replaced behind its
 * owner's back. When it breaks, what it held is gone; the owner is told at once and opens another.
 */
export class DedicatedConnection {
  private brokenBy: Error | undefined;
  private isClosed = false;
  private readonly listeners = new Set<(error: Error) => void>();

  private constructor(
    private readonly client: Client,
    private readonly contact: DatabaseContact,
    private readonly onGone: () => void,
  ) {}

  /** Opens the session, or rejects with nothing left behind; `onGone` is called once when it has ended, by itself or by `close`. */
  static async open(
    options: ClientOptions,
    contact: DatabaseContact,
    onGone: () => void,
  ): Promise<DedicatedConnection> {
    try {
      const client = await openClient(options, (error) => connection.end(error));
      const connection = new DedicatedConnection(client, contact, onGone);
      contact.made();
      return connection;
    } catch (error) {
      if (isConnectionLost(error)) contact.lost(error);
      throw error;
    }
  }

  /** Why the session ended by itself; undefined while it lives or after `close`. */
  get broken(): Error | undefined {
    return this.brokenBy;
  }

  /** Calls back once if the session ends by itself, at once if it has; never after `close`. The function returned ends it. */
  onBroken(listener: (error: Error) => void): () => void {
    if (this.brokenBy) listener(this.brokenBy);
    else this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * The rows the statement returns. Bounded as control statements are, locks included: take an advisory lock with pg_try_advisory_lock,
   * again and again.
   */
  async query<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { rows } = await queryWithin<Row>(this.client, CONTROL_DEADLINE_MS, text, values);
    return rows;
  }

  /** Ends the session and so gives up what it holds. Idempotent. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.listeners.clear();
    await closeClient(this.client);
  }

  private end(error: Error): void {
    this.onGone();
    if (this.isClosed) return;
    this.brokenBy = error;
    this.contact.lost(error);
    const listeners = [...this.listeners];
    this.listeners.clear();
    for (const listener of listeners) listener(error);
  }
}
