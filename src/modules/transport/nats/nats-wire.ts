import type { NatsConnection } from '@nats-io/transport-node';
import type { Answer, ReplyInbox } from './reply-inbox.js';

/** The connection as everything above it uses it: while it is down, nothing is sent and nothing is kept for later. */
export class NatsWire {
  /** The live connection; undefined while there is none. */
  connection: NatsConnection | undefined;

  constructor(private readonly inbox: ReplyInbox) {}

  get isUp(): boolean {
    return this.connection !== undefined;
  }

  /** Sends without an answer; false when there is no connection. Never throws. */
  send(subject: string, data: string): boolean {
    return this.publish(subject, data);
  }

  /**
   * Sends a question; `answer` is called once, later, and with undefined when there is no connection. The function returned
   * ends the wait for it. Never throws.
   */
  ask(subject: string, data: string, withinMs: number, answer: (answer: Answer) => void): () => void {
    const reply = this.inbox.expect(withinMs, false, answer);
    this.sendFor(subject, data, reply);
    return () => this.inbox.forget(reply);
  }

  /** As `ask`, for what changes something on the server. */
  effect(subject: string, data: string, withinMs: number, answer: (answer: Answer) => void): void {
    this.sendFor(subject, data, this.inbox.expect(withinMs, true, answer));
  }

  private sendFor(subject: string, data: string, reply: string): void {
    // Told in a task of its own, so that nobody is called back within his own call.
    if (!this.publish(subject, data, reply)) queueMicrotask(() => this.inbox.fail(reply));
  }

  private publish(subject: string, data: string, reply?: string): boolean {
    if (!this.connection) return false;
    try {
      this.connection.publish(subject, data, reply === undefined ? {} : { reply });
      return true;
    } catch {
      // The connection is being closed, which is about to be noticed.
      return false;
    }
  }
}
