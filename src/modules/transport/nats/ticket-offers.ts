import type { Clock } from '../../../kernel/clock.js';
import type { Lane } from '../transport.js';
import type { NatsNames } from './nats-names.js';
import type { NatsWire } from './nats-wire.js';
import type { Outbox } from './outbox.js';
import type { Answer } from './reply-inbox.js';
import { encodeTicket } from './ticket-message.js';
import type { TicketStream } from './ticket-stream.js';

/** JetStream stores a ticket within milliseconds; one without an answer for so long is as good as lost. */
const STORE_WITHIN_MS = 5_000;

/** JetStream answers for a refused message with this field, and only then. */
const ERROR_FIELD = '"error"';

/** What the offers of a queue are sent with. */
export interface TicketOffersParts {
  readonly queue: string;
  readonly names: NatsNames;
  readonly stream: TicketStream;
  readonly wire: NatsWire;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** Tickets of so many ids were refused or lost. */
  readonly dropped: (ids: number) => void;
}

/**
 * The sending side of one queue: tickets leave in the order offered, without waiting for each other, and each one's fate
 * is followed. Only while the stream is being made do they wait, in the same bounded room.
 */
export class TicketOffers {
  private waiting: { readonly lane: Lane; readonly message: string; readonly ids: number }[] = [];
  private sentWaiters: (() => void)[] = [];

  constructor(private readonly parts: TicketOffersParts) {}

  /** Sends a ticket of at most 25 ids, or drops it when there is no connection, no stream to be had or no room. */
  offer(lane: Lane, ids: readonly string[]): void {
    const { stream, wire, outbox, clock } = this.parts;
    if (!wire.isUp || (stream.isFailing && !stream.isReady) || !outbox.enter()) {
      this.parts.dropped(ids.length);
      return;
    }
    const message = encodeTicket(ids, clock.now());
    if (stream.isReady) this.send(lane, message, ids.length);
    else {
      this.waiting.push({ lane, message, ids: ids.length });
      stream.ensure();
    }
  }

  /** The stream is there: sends what waited for it. */
  sendWaiting(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const { lane, message, ids } of waiting) this.send(lane, message, ids);
    this.noneWaits();
  }

  /** The stream is not to be had, or the connection is lost: drops what waited for it. */
  dropWaiting(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const { ids } of waiting) this.drop(ids);
    this.noneWaits();
  }

  /** Resolves when no offer waits for the stream. */
  allSent(): Promise<void> {
    if (this.waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.sentWaiters.push(resolve));
  }

  private send(lane: Lane, message: string, ids: number): void {
    const { names, queue, wire } = this.parts;
    wire.effect(names.ticketSubject(queue, lane), message, STORE_WITHIN_MS, (answer) =>
      this.ended(ids, answer),
    );
  }

  private ended(ids: number, answer: Answer): void {
    const isRefused =
      answer === undefined || answer.headers !== undefined || answer.string().includes(ERROR_FIELD);
    if (!isRefused) {
      this.parts.outbox.leave();
      return;
    }
    // Only a server that has no stream for the subject answers with a status instead of a message.
    if (answer?.headers?.code === 503) this.parts.stream.suspect();
    this.drop(ids);
  }

  private drop(ids: number): void {
    this.parts.outbox.leave();
    this.parts.dropped(ids);
  }

  private noneWaits(): void {
    const waiters = this.sentWaiters;
    this.sentWaiters = [];
    for (const resolve of waiters) resolve();
  }
}
