import type { Msg } from '@nats-io/transport-node';
import { monotonicMs } from '../../../kernel/clock.js';
import { type Lane, MAX_TICKET_IDS } from '../transport.js';
import { deliveryCount } from './delivery-count.js';
import type { NatsNames } from './nats-names.js';
import { NatsTicket, type TicketHolder } from './nats-ticket.js';
import type { NatsWire } from './nats-wire.js';
import type { Answer } from './reply-inbox.js';
import { decodeTicket } from './ticket-message.js';
import type { TicketStream } from './ticket-stream.js';

/** What a lane's intake tells its queue. */
export interface LaneIntakeEvents {
  /** Something has changed that those who wait may have waited for. */
  changed(): void;
  /** True while somebody waits for tickets of that lane. */
  isWanted(intake: LaneIntake): boolean;
  acked(ids: number): void;
  givenBack(ids: number): void;
  malformed(subject: string): void;
}

/** A request for tickets that is out. */
interface Pull {
  /** True when it stays open until a ticket comes, so that while it is open the lane has none. */
  readonly isWaiting: boolean;
  readonly askedAtMs: number;
  /** Tickets that may still come of it. */
  left: number;
  /** Forgets that it is out; called when all its tickets have come. */
  close: () => void;
}

/** The server answers a poll within a millisecond; one it does not answer in this time lost a race for the last ticket. */
const POLL_WITHIN_MS = 250;

/**
 * How long a waiting pull stays open. A pull cannot be taken back without the risk of losing a ticket that is on its way
 * until its ack wait is over, so it is kept short instead; renewing two a second and queue costs a server nothing.
 */
const WAIT_MS = 2_000;
const WAIT_GRACE_MS = 1_000;

/** A ticket that came unasked, because its taker went away, is kept this long for the next one: a claim takes a few ms. */
const HOLD_MS = 50;

const SETTLE_WITHIN_MS = 1_000;
const ACK = '+ACK';
const NAK = '-NAK';
const TERM = '+TERM';
/** Work in progress: of a ticket that is settled already it changes nothing, but is answered after all that was sent before. */
const PROGRESS = '+WPI';

/** Statuses that a pull may end with and the stream still be there: no messages, a timeout, too many requests. */
const NO_MESSAGES = [404, 408];

/** One lane of one queue as this process takes from it: the pull that is out, and the tickets at hand that nobody has taken yet. */
export class LaneIntake implements TicketHolder {
  private hand: NatsTicket[] = [];
  private idsAtHand = 0;
  private readonly taken = new Set<NatsTicket>();
  private pull: Pull | undefined;
  private unconfirmed = 0;
  private lastAck: string | undefined;
  private emptyAtMs = -Infinity;
  private isProbablyEmptyNow = true;
  private idsPerTicket = MAX_TICKET_IDS;
  private holdTimer: NodeJS.Timeout | undefined;
  private isStopped = false;
  private readonly pullSubject: string;

  constructor(
    readonly queue: string,
    readonly lane: Lane,
    names: NatsNames,
    private readonly stream: TicketStream,
    private readonly wire: NatsWire,
    private readonly events: LaneIntakeEvents,
  ) {
    this.pullSubject = names.pullSubject(queue, lane);
  }

  /** How many ids the tickets at hand name. */
  get handIds(): number {
    return this.idsAtHand;
  }

  /** True when the last poll found nothing, so that asking again is worth no wait. */
  get isProbablyEmpty(): boolean {
    return this.isProbablyEmptyNow;
  }

  /** True when the server said, not before that moment, that it has no ticket of the lane for us. */
  isEmptySince(sinceMs: number): boolean {
    return this.pull?.isWaiting === true || this.emptyAtMs >= sinceMs;
  }

  /** Asks for what is there now, about as many tickets as name that many ids. */
  poll(wantedIds: number): void {
    const batch = Math.max(1, Math.ceil(wantedIds / this.idsPerTicket));
    this.request(false, batch, `{"batch":${batch},"no_wait":true}`, POLL_WITHIN_MS);
  }

  /** Asks for the next ticket, whenever it comes. */
  wait(): void {
    this.request(true, 1, `{"batch":1,"expires":${WAIT_MS * 1_000_000}}`, WAIT_MS + WAIT_GRACE_MS);
  }

  /** A ticket has come from the server. */
  arrive(message: Msg): void {
    const content = decodeTicket(message.string());
    const ackSubject = message.reply ?? '';
    if (!content) {
      this.wire.send(ackSubject, TERM);
      this.events.malformed(message.subject);
      this.countDown();
      this.events.changed();
      return;
    }
    if (this.isStopped) {
      this.wire.send(ackSubject, NAK);
      return;
    }
    const { ids } = content;
    const { incarnation } = this.stream;
    this.hand.push(
      new NatsTicket(this, ids, deliveryCount(ackSubject), ackSubject, incarnation, monotonicMs()),
    );
    this.idsAtHand += ids.length;
    this.idsPerTicket += (ids.length - this.idsPerTicket) / 4;
    this.isProbablyEmptyNow = false;
    this.countDown();
    this.events.changed();
    if (this.hand.length > 0) this.holdTimer ??= setTimeout(() => this.endHold(), HOLD_MS).unref();
  }

  /** Takes tickets at hand until they name that many ids, and adds them to `tickets`; answers how many ids. */
  take(tickets: NatsTicket[], maxIds: number): number {
    let count = 0;
    let index = 0;
    for (; count < maxIds; index++) {
      const ticket = this.hand[index];
      if (!ticket) break;
      this.taken.add(ticket);
      tickets.push(ticket);
      count += ticket.ids.length;
    }
    this.hand.splice(0, index);
    this.idsAtHand -= count;
    return count;
  }

  ack(ticket: NatsTicket): void {
    this.taken.delete(ticket);
    this.events.acked(ticket.ids.length);
    this.stream.whenReady(ticket.incarnation, () => {
      this.wire.send(ticket.ackSubject, ACK);
      this.lastAck = ticket.ackSubject;
    });
  }

  giveBack(ticket: NatsTicket, delayMs: number): void {
    this.taken.delete(ticket);
    this.events.givenBack(ticket.ids.length);
    this.returnTicket(ticket, delayMs > 0 ? `${NAK} {"delay":${Math.ceil(delayMs * 1_000_000)}}` : NAK);
  }

  /** Makes sure that the server has heard every ack so far, once the inbox's effects are done. */
  confirmAcks(): void {
    const { lastAck } = this;
    this.lastAck = undefined;
    if (lastAck !== undefined) this.wire.effect(lastAck, PROGRESS, SETTLE_WITHIN_MS, () => undefined);
  }

  /** The stream is another one: what was at hand is gone with the old. */
  forget(): void {
    this.hand = [];
    this.idsAtHand = 0;
  }

  /** Gives everything back that is not settled, and whatever comes from now on. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.holdTimer);
    for (const ticket of [...this.taken, ...this.hand]) if (ticket.settle()) this.returnTicket(ticket, NAK);
    this.taken.clear();
    this.forget();
  }

  /** Confirmed, so that whoever takes next does not overtake it. */
  private returnTicket(ticket: NatsTicket, nak: string): void {
    this.stream.whenReady(ticket.incarnation, () => {
      this.unconfirmed++;
      this.wire.effect(ticket.ackSubject, nak, SETTLE_WITHIN_MS, () => {
        this.unconfirmed--;
        this.events.changed();
      });
    });
  }

  private request(isWaiting: boolean, tickets: number, options: string, withinMs: number): void {
    if (this.pull || this.unconfirmed > 0 || this.isStopped || !this.stream.isReady) return;
    const pull: Pull = { isWaiting, askedAtMs: monotonicMs(), left: tickets, close: () => undefined };
    this.pull = pull;
    pull.close = this.wire.ask(this.pullSubject, options, withinMs, (answer) => this.ended(pull, answer));
  }

  private countDown(): void {
    if (!this.pull || --this.pull.left > 0) return;
    this.pull.close();
    this.pull = undefined;
  }

  private ended(pull: Pull, answer: Answer): void {
    this.pull = undefined;
    const code = answer?.headers?.code;
    if (!pull.isWaiting && (answer === undefined || NO_MESSAGES.includes(code ?? 0))) {
      this.emptyAtMs = pull.askedAtMs;
      this.isProbablyEmptyNow = this.hand.length === 0;
    } else if (code === undefined || !NO_MESSAGES.includes(code)) {
      this.stream.suspect();
    }
    this.events.changed();
  }

  private endHold(): void {
    this.holdTimer = undefined;
    const [oldest] = this.hand;
    if (!oldest || this.isStopped) return;
    const leftMs = oldest.arrivedAtMs + HOLD_MS - monotonicMs();
    if (leftMs > 0 || this.events.isWanted(this)) {
      this.holdTimer = setTimeout(() => this.endHold(), Math.max(leftMs, HOLD_MS / 5)).unref();
      return;
    }
    const { hand } = this;
    this.forget();
    for (const ticket of hand) if (ticket.settle()) this.returnTicket(ticket, NAK);
  }
}
