import type { Lane, Ticket } from '../transport.js';

/** What settling a ticket comes down to. */
export interface TicketHolder {
  readonly queue: string;
  readonly lane: Lane;
  ack(ticket: NatsTicket): void;
  giveBack(ticket: NatsTicket, delayMs: number): void;
}

/** One delivery of a ticket. Settling it a second time, or after its stream is gone, changes nothing. */
export class NatsTicket implements Ticket {
  private isSettled = false;

  /**
   * @param ackSubject where the server hears what became of it
   * @param incarnation the stream it is from: sequence numbers start again in the next, and an ack would hit a stranger
   * @param arrivedAtMs when it came to this process, on the monotonic clock
   */
  constructor(
    private readonly holder: TicketHolder,
    readonly ids: readonly string[],
    readonly deliveries: number,
    readonly ackSubject: string,
    readonly incarnation: string | undefined,
    readonly arrivedAtMs: number,
  ) {}

  get queue(): string {
    return this.holder.queue;
  }

  get lane(): Lane {
    return this.holder.lane;
  }

  ack(): void {
    if (this.settle()) this.holder.ack(this);
  }

  giveBack(delayMs = 0): void {
    if (this.settle()) this.holder.giveBack(this, delayMs);
  }

  /** Takes the right to settle it; false when that was taken before. */
  settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    return true;
  }
}
