import { Logger } from '@nestjs/common';
import type { Waits } from '../../kernel/waits.js';
import { reasonOf } from '../database/index.js';
import { freshLanes, type Lane, type Transport } from '../transport/index.js';
import type { Claimer } from './claimer.js';
import { AFTER_ERROR_MS, type LineState, type SlotClaims, type SlotKind } from './slot-claims.js';
import { TicketRests, type Parcel } from './ticket-rests.js';

/** A ticket that came this often has been in the hands of processes that died: its claim is durable, so that a crash loop is charged. */
const TRUSTED_DELIVERIES = 3;

/** First delay of a ticket with a job this worker has no handler for, doubled with each delivery up to `pollInterval`. */
const FOREIGN_DELAY_MS = 1_000;

const lanesOf: Record<SlotKind, readonly Lane[]> = { fresh: freshLanes, retry: ['retry'] };

/** What an intake works with. */
export interface IntakeParts {
  readonly queue: string;
  readonly kind: SlotKind;
  readonly line: LineState;
  readonly transport: Transport;
  readonly claimer: Claimer;
  readonly claims: SlotClaims;
  readonly waits: Waits;
}

/** Takes the tickets of a queue that are for one kind of its slots, and has what they name claimed. */
export class Intake {
  private readonly logger = new Logger('Worker');
  private readonly rests = new TicketRests();

  constructor(private readonly parts: IntakeParts) {}

  /** Takes and claims until the line stops; never rejects. */
  async run(): Promise<void> {
    const { line, waits, queue } = this.parts;
    while (!line.stopping.aborted) {
      try {
        await this.takeOnce();
      } catch (error) {
        if (!line.stopping.aborted) this.logger.warn(`queue ${queue}: ${reasonOf(error)}; trying again`);
        await waits.atMost(AFTER_ERROR_MS);
      }
    }
  }

  /** Gives back the tickets that wait here for slots. */
  giveBack(): void {
    this.rests.giveBack();
  }

  private async takeOnce(): Promise<void> {
    const { claims, transport, queue, kind, line } = this.parts;
    if (!claims.mayTake) {
      await claims.change();
      return;
    }
    const rest = this.rests.take();
    if (rest.length > 0) {
      await this.claimParcels(rest, () => Promise.resolve(rest));
      return;
    }
    const tickets = await transport.take(queue, lanesOf[kind], claims.wanted, line.stopping);
    const parcels = tickets.map((ticket) => ({ ticket, ids: ticket.ids }));
    if (parcels.length > 0) await this.claimParcels(parcels, () => this.withoutTried(parcels));
  }

  /** Claims what there are slots for; tickets whose jobs were all tried are done, the others wait a moment for slots. */
  private async claimParcels(
    taken: readonly Parcel[],
    toTry: () => Promise<readonly Parcel[]>,
  ): Promise<void> {
    const isDurable =
      this.parts.kind === 'retry' || taken.some(({ ticket }) => ticket.deliveries > TRUSTED_DELIVERIES);
    try {
      const parcels = await toTry();
      const ids = parcels.flatMap((parcel) => parcel.ids);
      const { tried, foreign } = await this.parts.claims.claimWhileFree(ids, isDurable);
      this.rests.keep(this.settleTickets(parcels, new Set(ids.slice(tried)), foreign));
    } catch (error) {
      for (const { ticket } of taken) ticket.giveBack();
      throw error;
    }
  }

  /** A ticket that was given back names jobs that were claimed before: they must not stand before those that still wait. */
  private async withoutTried(parcels: readonly Parcel[]): Promise<readonly Parcel[]> {
    const ids = parcels.flatMap((parcel) => (parcel.ticket.deliveries > 1 ? parcel.ids : []));
    if (ids.length <= 1) return parcels;
    const waiting = new Set(await this.parts.claimer.waitingAmong(ids));
    return parcels.map((parcel) =>
      parcel.ticket.deliveries > 1 ? { ...parcel, ids: parcel.ids.filter((id) => waiting.has(id)) } : parcel,
    );
  }

  /** Acks tickets whose jobs were all tried and gives back those with a job of others; answers what is left of the rest. */
  private settleTickets(
    parcels: readonly Parcel[],
    untried: ReadonlySet<string>,
    foreign: ReadonlySet<string>,
  ): Parcel[] {
    return parcels.flatMap(({ ticket, ids }) => {
      const left = ids.filter((id) => untried.has(id));
      if (ids.some((id) => foreign.has(id))) ticket.giveBack(this.foreignDelay(ticket));
      else if (left.length === 0) ticket.ack();
      else return [{ ticket, ids: left }];
      return [];
    });
  }

  private foreignDelay(ticket: Parcel['ticket']): number {
    const { pollIntervalMs } = this.parts.line.settings;
    return Math.min(FOREIGN_DELAY_MS * 2 ** (ticket.deliveries - 1), pollIntervalMs);
  }
}
