import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { monotonicMs } from '../../../kernel/clock.js';

/** What came back; undefined when nothing did in time or the connection was lost. */
export type Answer = Msg | undefined;

interface Expected {
  readonly deadline: number;
  readonly isEffect: boolean;
  readonly answer: (answer: Answer) => void;
}

/** How often overdue answers are looked for. A timer each would cost more than the answer itself. */
const SWEEP_EVERY_MS = 50;

/**
 * One subscription for everything that comes back to this process: answers to what it asked, told apart by the last token
 * of their subject, and the tickets it pulled, which come under the subject they were published on.
 */
export class ReplyInbox {
  private readonly prefix = `${createInbox()}.`;
  private readonly expected = new Map<string, Expected>();
  private connection: NatsConnection | undefined;
  private subscription: Subscription | undefined;
  private sweeper: NodeJS.Timeout | undefined;
  private nextToken = 0;
  private effects = 0;
  private effectWaiters: (() => void)[] = [];

  /** Neither callback may throw. */
  constructor(private readonly onTicket: (message: Msg) => void) {}

  /** Listens on the connection; the client itself listens again after it reconnected. */
  attach(connection: NatsConnection): void {
    if (this.connection === connection) return;
    this.connection = connection;
    this.subscription = connection.subscribe(`${this.prefix}*`, {
      callback: (error, message) => {
        if (!error) this.receive(message);
      },
    });
  }

  /**
   * Answers the subject to reply on. `answer` is called exactly once and must not throw.
   * @param isEffect true for what changes something on the server, which `effectsDone` waits for
   */
  expect(withinMs: number, isEffect: boolean, answer: (answer: Answer) => void): string {
    const token = (this.nextToken++).toString(36);
    this.expected.set(token, { deadline: monotonicMs() + withinMs, isEffect, answer });
    if (isEffect) this.effects++;
    this.sweeper ??= setInterval(() => this.sweep(), SWEEP_EVERY_MS).unref();
    return this.prefix + token;
  }

  /** Resolves when the outcome of every effect asked for is known. */
  effectsDone(): Promise<void> {
    if (this.effects === 0) return Promise.resolve();
    return new Promise((resolve) => this.effectWaiters.push(resolve));
  }

  /** The answer expected on that subject will not come. */
  fail(subject: string): void {
    this.settle(subject.slice(this.prefix.length), undefined);
  }

  /** Nobody is interested any more in the answer expected on that subject. */
  forget(subject: string): void {
    this.remove(subject.slice(this.prefix.length));
  }

  /** No answer that is still out will come. */
  failAll(): void {
    for (const token of [...this.expected.keys()]) this.settle(token, undefined);
  }

  /** Listens no more, once what is under way has been received. */
  async close(): Promise<void> {
    await this.subscription?.drain().catch(() => undefined);
    this.failAll();
  }

  private receive(message: Msg): void {
    if (message.subject.startsWith(this.prefix))
      this.settle(message.subject.slice(this.prefix.length), message);
    else this.onTicket(message);
  }

  private settle(token: string, answer: Answer): void {
    const expected = this.remove(token);
    if (!expected) return;
    expected.answer(answer);
    if (expected.isEffect) this.effectDone();
  }

  private remove(token: string): Expected | undefined {
    const expected = this.expected.get(token);
    this.expected.delete(token);
    if (this.expected.size === 0) this.endSweeps();
    return expected;
  }

  private effectDone(): void {
    if (--this.effects > 0) return;
    const waiters = this.effectWaiters;
    this.effectWaiters = [];
    for (const resolve of waiters) resolve();
  }

  private sweep(): void {
    const now = monotonicMs();
    for (const [token, { deadline }] of this.expected) if (deadline <= now) this.settle(token, undefined);
  }

  private endSweeps(): void {
    clearInterval(this.sweeper);
    this.sweeper = undefined;
  }
}
