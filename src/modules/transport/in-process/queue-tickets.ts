import { monotonicMs } from '../../../kernel/clock.js';
import { type Lane, lanes, type Ticket } from '../transport.js';
import type { TicketLane } from './ticket-lane.js';

/** A `take` that found nothing and waits. */
interface Waiter {
  readonly lanes: readonly Lane[];
  readonly maxIds: number;
  readonly end: (tickets: Ticket[]) => void;
}

/** The tickets of one queue, by lane, and those who wait for some in the order they came. */
export class QueueTickets {
  private readonly lanes: Readonly<Record<Lane, TicketLane>>;
  private readonly waiters = new Set<Waiter>();
  private isServing = false;

  constructor(
    makeLane: (lane: Lane) => TicketLane,
    private readonly onTaken: (ids: number, takenAt: number) => void,
  ) {
    this.lanes = {
      high: makeLane('high'),
      normal: makeLane('normal'),
      low: makeLane('low'),
      retry: makeLane('retry'),
    };
  }

  lane(lane: Lane): TicketLane {
    return this.lanes[lane];
  }

  /** Takes what is at hand, or waits for it; empty when `signal` aborts or the waits are ended. */
  take(from: readonly Lane[], maxIds: number, signal: AbortSignal): Promise<Ticket[]> {
    if (!this.isSomebodyNext()) {
      const tickets = this.takeNow(from, maxIds);
      if (tickets.length > 0) return Promise.resolve(tickets);
    }
    return new Promise((resolve) => {
      const end = (tickets: Ticket[]): void => {
        this.waiters.delete(waiter);
        signal.removeEventListener('abort', abort);
        resolve(tickets);
      };
      const abort = (): void => end([]);
      const waiter: Waiter = { lanes: from, maxIds, end };
      this.waiters.add(waiter);
      signal.addEventListener('abort', abort);
    });
  }

  /** Serves those who wait, at the end of the current task: ids offered one by one until then are taken together. */
  serve(): void {
    if (this.isServing || this.waiters.size === 0) return;
    this.isServing = true;
    queueMicrotask(() => {
      this.isServing = false;
      for (const waiter of this.waiters) {
        const tickets = this.takeNow(waiter.lanes, waiter.maxIds);
        if (tickets.length > 0) waiter.end(tickets);
      }
    });
  }

  /** Whether somebody waits for all these lanes, and nothing is at hand in them. */
  isAwaited(wanted: readonly Lane[]): boolean {
    if (this.waiters.size === 0) return false;
    const now = monotonicMs();
    if (wanted.some((lane) => this.lanes[lane].hasReady(now))) return false;
    for (const { lanes } of this.waiters) if (wanted.every((lane) => lanes.includes(lane))) return true;
    return false;
  }

  /** Ends every wait with an empty answer. */
  endWaits(): void {
    for (const waiter of this.waiters) waiter.end([]);
  }

  /** Makes ready what is due in every lane, serves it, and answers when the next ticket is due. */
  sweep(nowMs: number): number {
    let next = Infinity;
    for (const lane of lanes) next = Math.min(next, this.lanes[lane].sweep(nowMs));
    this.serve();
    return next;
  }

  putBackAll(): void {
    for (const lane of lanes) this.lanes[lane].putBackAll();
  }

  private takeNow(from: readonly Lane[], maxIds: number): Ticket[] {
    const tickets: Ticket[] = [];
    const now = monotonicMs();
    let count = 0;
    for (const lane of from) {
      if (count >= maxIds) break;
      count += this.lanes[lane].take(tickets, maxIds - count, now);
    }
    if (count > 0) this.onTaken(count, now);
    return tickets;
  }

  /** True when tickets are at hand for somebody who waits already: a newcomer must not overtake. */
  private isSomebodyNext(): boolean {
    if (this.waiters.size === 0) return false;
    const now = monotonicMs();
    for (const waiter of this.waiters) {
      if (waiter.lanes.some((lane) => this.lanes[lane].hasReady(now))) return true;
    }
    return false;
  }
}
