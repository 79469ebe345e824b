import type { Ticket } from '../transport/index.js';

/** Jobs of one ticket that are still to be tried. */
export interface Parcel {
  readonly ticket: Ticket;
  readonly ids: readonly string[];
}

/**
 * How long jobs for which there was no slot wait for one here, in ms. Short jobs free slots faster than a ticket travels to the
 * transport and back; longer jobs must leave the rest to workers that have slots, and to tickets of earlier lanes.
 */
const HOLD_MS = 50;

/** What is left of tickets that named more jobs than there were slots; after a moment they are given back. */
export class TicketRests {
  private parcels: readonly Parcel[] = [];
  private timer: NodeJS.Timeout | undefined;

  /** Only while nothing is kept. */
  keep(parcels: readonly Parcel[]): void {
    if (parcels.length === 0) return;
    this.parcels = parcels;
    this.timer = setTimeout(() => this.giveBack(), HOLD_MS);
  }

  /** Hands out what is kept; it is the caller's from here on. */
  take(): readonly Parcel[] {
    const { parcels } = this;
    clearTimeout(this.timer);
    this.parcels = [];
    return parcels;
  }

  giveBack(): void {
    for (const { ticket } of this.take()) ticket.giveBack();
  }
}
