import type { Msg } from '@nats-io/transport-node';
import { monotonicMs } from '../../../kernel/clock.js';
import { type Lane, lanes, MAX_TICKET_IDS, type Ticket } from '../transport.js';
import { LaneIntake, type LaneIntakeEvents } from './lane-intake.js';
import type { NatsNames } from './nats-names.js';
import type { NatsTicket } from './nats-ticket.js';
import type { NatsWire } from './nats-wire.js';
import type { TicketOffers } from './ticket-offers.js';
import type { TicketStream } from './ticket-stream.js';

/** A `take` that is not served yet. */
interface Waiter {
  readonly intakes: readonly LaneIntake[];
  readonly maxIds: number;
  readonly sinceMs: number;
  /** True once every lane was found empty and waits for the next ticket: whatever comes then is served at once. */
  isIdle: boolean;
  readonly end: (tickets: Ticket[]) => void;
}

/** What a queue counts and reports. */
export interface NatsQueueEvents {
  taken(ids: number): void;
  acked(ids: number): void;
  givenBack(ids: number): void;
  malformed(subject: string): void;
}

/**
 * One queue as this process sees it, and those who wait for its tickets.
 *
 * A take first asks each lane for what is there, earlier lanes before later ones, so that priorities are exact; lanes that
 * were empty lately are asked together with the next, which costs no round trip. When there is nothing it leaves one open
 * request for one ticket in each lane, which answers in the moment a ticket is stored. A lane with such a request open is
 * known to be empty, so a take that follows needs not ask it again.
 */
export class NatsQueue {
  private readonly intakes: Readonly<Record<Lane, LaneIntake>>;
  private readonly waiters = new Set<Waiter>();

  constructor(
    readonly queue: string,
    names: NatsNames,
    readonly stream: TicketStream,
    readonly offers: TicketOffers,
    wire: NatsWire,
    private readonly events: NatsQueueEvents,
  ) {
    const intakeEvents: LaneIntakeEvents = {
      changed: () => this.serve(),
      isWanted: (intake) => this.isWanted(intake),
      acked: (ids) => events.acked(ids),
      givenBack: (ids) => events.givenBack(ids),
      malformed: (subject) => events.malformed(subject),
    };
    const makeIntake = (lane: Lane): LaneIntake =>
      new LaneIntake(queue, lane, names, stream, wire, intakeEvents);
    this.intakes = {
      high: makeIntake('high'),
      normal: makeIntake('normal'),
      low: makeIntake('low'),
      retry: makeIntake('retry'),
    };
  }

  offer(lane: Lane, ids: readonly string[]): void {
    if (ids.length <= MAX_TICKET_IDS) {
      this.offers.offer(lane, ids);
      return;
    }
    for (let at = 0; at < ids.length; at += MAX_TICKET_IDS)
      this.offers.offer(lane, ids.slice(at, at + MAX_TICKET_IDS));
  }

  /** Waits for tickets; empty when the signal aborts or the queue is stopped. */
  take(from: readonly Lane[], maxIds: number, signal: AbortSignal): Promise<Ticket[]> {
    return new Promise((resolve) => {
      const end = (tickets: Ticket[]): void => {
        this.waiters.delete(waiter);
        signal.removeEventListener('abort', abort);
        resolve(tickets);
      };
      const abort = (): void => end([]);
      const intakes = from.map((lane) => this.intakes[lane]);
      const waiter: Waiter = { intakes, maxIds, sinceMs: monotonicMs(), isIdle: false, end };
      this.waiters.add(waiter);
      signal.addEventListener('abort', abort);
      this.serve();
    });
  }

  /** A ticket of that lane has come. */
  arrive(lane: Lane, message: Msg): void {
    this.intakes[lane].arrive(message);
  }

  /** The stream is at hand. */
  ready(isNew: boolean): void {
    if (isNew) for (const lane of lanes) this.intakes[lane].forget();
    this.offers.sendWaiting();
    this.serve();
  }

  /** The connection is lost. */
  down(): void {
    this.stream.lose();
    this.offers.dropWaiting();
  }

  confirmAcks(): void {
    for (const lane of lanes) this.intakes[lane].confirmAcks();
  }

  /** Gives back every ticket that is not settled. */
  giveBackAll(): void {
    for (const lane of lanes) this.intakes[lane].stop();
  }

  /** Ends every wait with an empty answer, and makes nothing any more. */
  end(): void {
    this.stream.lose();
    this.offers.dropWaiting();
    for (const waiter of this.waiters) waiter.end([]);
  }

  /** Serves those who wait, in the order they came, as far as there is something for them. */
  private serve(): void {
    if (this.waiters.size === 0) return;
    if (!this.stream.isReady) {
      this.stream.ensure();
      return;
    }
    for (const waiter of this.waiters) this.serveOne(waiter);
  }

  private serveOne(waiter: Waiter): void {
    if (this.isUndecided(waiter)) return;
    const tickets = this.takeAtHand(waiter);
    if (tickets.length > 0) {
      waiter.end(tickets);
      return;
    }
    waiter.isIdle = true;
    for (const intake of waiter.intakes) intake.wait();
  }

  /** True while a lane that comes before what is at hand, or could fill it up, has not said what it has; asks it then. */
  private isUndecided({ intakes, maxIds, sinceMs, isIdle }: Waiter): boolean {
    if (isIdle) return false;
    let wanted = maxIds;
    let isUndecided = false;
    for (const intake of intakes) {
      wanted -= intake.handIds;
      if (wanted <= 0) break;
      if (intake.isEmptySince(sinceMs)) continue;
      isUndecided = true;
      intake.poll(wanted);
      if (!intake.isProbablyEmpty) break;
    }
    return isUndecided;
  }

  private takeAtHand({ intakes, maxIds }: Waiter): NatsTicket[] {
    const tickets: NatsTicket[] = [];
    let count = 0;
    for (const intake of intakes) {
      if (count >= maxIds) break;
      count += intake.take(tickets, maxIds - count);
    }
    if (count > 0) this.events.taken(count);
    return tickets;
  }

  private isWanted(intake: LaneIntake): boolean {
    for (const waiter of this.waiters) if (waiter.intakes.includes(intake)) return true;
    return false;
  }
}
