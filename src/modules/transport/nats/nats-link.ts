import { setTimeout as pause } from 'node:timers/promises';
import { connect, type NatsConnection, type Status } from '@nats-io/transport-node';
import { toError } from '../../../kernel/errors.js';
import { connectionOptions } from './connection-options.js';
import type { NatsAccess } from './nats-access.js';

/** What a link tells its owner. None of these may throw. */
export interface NatsLinkEvents {
  /** The server answers; called again after each `down`. */
  up(connection: NatsConnection): void;
  /** The server is away; called only after an `up`. */
  down(reason: string): void;
  /** A try to connect failed, or the server reported an error while the link is up. */
  trouble(reason: string): void;
}

/** First pause between two tries of a first connect, doubled up to the longest: a server that boots is met within a second or two. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;

/** Stopping does not wait longer than this for a server that does not answer. */
const CLOSE_WITHIN_MS = 1_000;

/**
 * A connection that is tried for until it is stopped: before the first connect by this loop, after that by the client's
 * own reconnect, and by this loop again should the client ever give up.
 */
export class NatsLink {
  private readonly stopping = new AbortController();
  private connection: NatsConnection | undefined;
  private isUp = false;
  private running: Promise<void> | undefined;

  constructor(
    private readonly access: NatsAccess,
    private readonly events: NatsLinkEvents,
  ) {}

  /** Begins to connect and returns at once. */
  start(): void {
    this.running ??= this.run();
  }

  /** Flushes and closes the connection; does not wait for a try to connect that is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const { connection } = this;
    if (!connection) return;
    const isFlushed = this.isUp ? connection.flush().catch(() => undefined) : undefined;
    await Promise.race([isFlushed, pause(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    await connection.close();
    await this.running;
  }

  private async run(): Promise<void> {
    for (let pauseMs = FIRST_PAUSE_MS; !this.isStopping; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        await this.hold(await connect(connectionOptions(this.access)));
        pauseMs = FIRST_PAUSE_MS;
      } catch (thrown) {
        if (!this.isStopping) this.events.trouble(reasonOf(thrown));
      }
      await pause(pauseMs, undefined, { ref: false, signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  /** Follows a connection until it is closed for good. */
  private async hold(connection: NatsConnection): Promise<void> {
    if (this.isStopping) return connection.close();
    const statuses = connection.status();
    this.connection = connection;
    this.setUp(connection);
    for await (const status of statuses) this.note(status, connection);
    this.setDown('the connection was closed');
    this.connection = undefined;
    const error = await connection.closed();
    if (error instanceof Error) throw error;
  }

  private note(status: Status, connection: NatsConnection): void {
    if (status.type === 'disconnect') this.setDown('the connection was lost');
    else if (status.type === 'reconnect') this.setUp(connection);
    else if (status.type === 'error') this.events.trouble(reasonOf(status.error));
  }

  private setUp(connection: NatsConnection): void {
    if (this.isUp || this.isStopping) return;
    this.isUp = true;
    this.events.up(connection);
  }

  private setDown(reason: string): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.events.down(reason);
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }
}

/** What went wrong, with what lies under it: the client's own message often says no more than that it did. */
function reasonOf(thrown: unknown): string {
  const error = toError(thrown);
  const { cause } = error;
  return cause instanceof Error && cause.message !== error.message
    ? `${error.message}: ${cause.message}`
    : error.message;
}
