import { monotonicMs } from '../../../kernel/clock.js';
import { type Lane, MAX_TICKET_IDS, type Ticket } from '../transport.js';
import { BinaryHeap } from './binary-heap.js';
import { IdFifo } from './id-fifo.js';

/** Ids that were taken together and came back, and their place in the lane. */
interface Parcel {
  readonly ids: readonly string[];
  /** The number of its first id, counted from the lane's beginning: the order of the lane. */
  readonly place: number;
  readonly offeredAt: number;
  readonly deliveries: number;
  /** When it may be taken again, on the monotonic clock. */
  readonly dueAt: number;
}

/** What a lane tells its owner about. */
export interface TicketLaneEvents {
  /** These ids are done. */
  readonly acked: (count: number) => void;
  /** These ids came back by `giveBack` and may be taken from that moment (monotonic) on. */
  readonly givenBack: (count: number, dueAt: number) => void;
}

/**
 * One lane of one queue. Ids rest as fresh (never taken), taken (in somebody's ticket), delayed (given back, not due) or
 * ready (to be taken again). Ready ones go first: whatever was taken once is older than everything fresh.
 */
export class TicketLane {
  private readonly fresh = new IdFifo();
  private readonly ready = new BinaryHeap<Parcel>((parcel) => parcel.place);
  private readonly delayed = new BinaryHeap<Parcel>((parcel) => parcel.dueAt);
  /** In the order they were taken, which is the order their ack wait ends. */
  private readonly taken = new Set<TakenTicket>();
  private nextPlace = 0;
  private held = 0;

  constructor(
    readonly queue: string,
    readonly lane: Lane,
    private readonly maxIds: number,
    private readonly ackWaitMs: number,
    private readonly events: TicketLaneEvents,
  ) {}

  /** Keeps as many of the ids as there is room for, from the first; answers how many. */
  offer(ids: readonly string[], offeredAt: number): number {
    const accepted = Math.min(ids.length, this.maxIds - this.held);
    this.fresh.push(ids, accepted, offeredAt);
    this.held += accepted;
    return accepted;
  }

  /** True when a ticket could be taken now. */
  hasReady(nowMs: number): boolean {
    return this.fresh.length > 0 || this.ready.size > 0 || (this.delayed.peek()?.dueAt ?? Infinity) <= nowMs;
  }

  /** Takes tickets of together at most `maxIds` ids, oldest first, and adds them to `tickets`; answers how many ids. */
  take(tickets: Ticket[], maxIds: number, nowMs: number): number {
    let count = 0;
    if (this.delayed.size > 0) this.returnDue(nowMs);
    while (count < maxIds) {
      const most = Math.min(maxIds - count, MAX_TICKET_IDS);
      const parcel = this.takeReady(most) ?? this.takeFresh(most);
      if (!parcel) break;
      const ticket = new TakenTicket(this, parcel, nowMs);
      this.taken.add(ticket);
      tickets.push(ticket);
      count += parcel.ids.length;
    }
    return count;
  }

  /** Makes every delayed ticket ready that is due, and every taken one whose ack wait is over; answers when the next one is. */
  sweep(nowMs: number): number {
    for (const ticket of this.taken) {
      if (ticket.takenAt + this.ackWaitMs > nowMs) break;
      this.putBack(ticket, nowMs);
    }
    this.returnDue(nowMs);
    return this.nextSweepAt();
  }

  /** Puts back every ticket that is not settled. */
  putBackAll(): void {
    const now = monotonicMs();
    for (const ticket of this.taken) this.putBack(ticket, now);
  }

  /** When the oldest ticket that is not acked was offered. Visits every ticket that was ever taken and is not acked. */
  oldestOfferedAt(): number | undefined {
    let oldest = this.fresh.firstOfferedAt ?? Infinity;
    for (const parcel of this.ready.values()) oldest = Math.min(oldest, parcel.offeredAt);
    for (const parcel of this.delayed.values()) oldest = Math.min(oldest, parcel.offeredAt);
    for (const ticket of this.taken) oldest = Math.min(oldest, ticket.parcel.offeredAt);
    return oldest === Infinity ? undefined : oldest;
  }

  /** Forgets the ticket's ids; nothing when it is no longer taken. */
  ack(ticket: TakenTicket): void {
    if (!this.taken.delete(ticket)) return;
    this.held -= ticket.ids.length;
    this.events.acked(ticket.ids.length);
  }

  /** Lets the ticket's ids be taken again after the delay; nothing when it is no longer taken. */
  giveBack(ticket: TakenTicket, delayMs: number): void {
    if (!this.taken.has(ticket)) return;
    const now = monotonicMs();
    const dueAt = delayMs > 0 ? now + delayMs : now;
    this.putBack(ticket, dueAt);
    this.events.givenBack(ticket.ids.length, dueAt);
  }

  private putBack(ticket: TakenTicket, dueAt: number): void {
    this.taken.delete(ticket);
    this.delayed.push({ ...ticket.parcel, deliveries: ticket.deliveries + 1, dueAt });
  }

  private returnDue(nowMs: number): void {
    for (let next = this.delayed.peek(); next && next.dueAt <= nowMs; next = this.delayed.peek()) {
      this.ready.push(next);
      this.delayed.pop();
    }
  }

  private nextSweepAt(): number {
    const [longestTaken] = this.taken;
    const expiresAt = longestTaken ? longestTaken.takenAt + this.ackWaitMs : Infinity;
    return Math.min(expiresAt, this.delayed.peek()?.dueAt ?? Infinity);
  }

  /** The oldest ready parcel, cut to `most` ids; what is cut off keeps its place. */
  private takeReady(most: number): Parcel | undefined {
    const parcel = this.ready.pop();
    if (!parcel || parcel.ids.length <= most) return parcel;
    this.ready.push({ ...parcel, ids: parcel.ids.slice(most), place: parcel.place + most });
    return { ...parcel, ids: parcel.ids.slice(0, most) };
  }

  /** A parcel holds ids of one millisecond only, so that its age is the age of each of its ids. */
  private takeFresh(most: number): Parcel | undefined {
    const offeredAt = this.fresh.firstOfferedAt;
    if (offeredAt === undefined) return undefined;
    const ids = this.fresh.shift(most);
    const place = this.nextPlace;
    this.nextPlace += ids.length;
    return { ids, place, offeredAt, deliveries: 1, dueAt: 0 };
  }
}

/** One delivery. Settling it a second time, or after its ack wait is over, changes nothing: the ids come (or came) again. */
class TakenTicket implements Ticket {
  constructor(
    private readonly holder: TicketLane,
    readonly parcel: Parcel,
    readonly takenAt: number,
  ) {}

  get queue(): string {
    return this.holder.queue;
  }

  get lane(): Lane {
    return this.holder.lane;
  }

  get ids(): readonly string[] {
    return this.parcel.ids;
  }

  get deliveries(): number {
    return this.parcel.deliveries;
  }

  ack(): void {
    this.holder.ack(this);
  }

  giveBack(delayMs = 0): void {
    this.holder.giveBack(this, delayMs);
  }
}
