import type { Clock } from '../../../kernel/clock.js';
import { lanes, type Lane, type Transport } from '../../transport/index.js';

/**
 * How much longer than its lane's oldest ticket a job must have been due to be without one. A ticket is offered within moments of
 * its job's time; this allows for a database that stalls, and for clocks that disagree.
 */
const MARGIN_MS = 5_000;

/**
 * Judges by the oldest ticket of a lane which due jobs can have none: a job's ticket is about as old as its due time, and the oldest
 * ticket is younger. A ticket that was offered late says nothing of its job's due time, so while such a one may be left nothing is
 * judged in its lane: a long backlog is offered once and not with every round.
 */
export class OldestTickets {
  private readonly lateOffers = new Map<string, number>();

  constructor(
    private readonly transport: Transport,
    private readonly clock: Clock,
  ) {}

  /** Forgets the late offers; those of another process are not known anyway. */
  forget(): void {
    this.lateOffers.clear();
  }

  /** Tells that the job was offered just now, so late or not. */
  offered(queue: string, lane: Lane, dueMs: number): void {
    const now = this.clock.now();
    if (now - dueMs > MARGIN_MS) this.lateOffers.set(`${queue}/${lane}`, now);
  }

  /** By lane, the time up to which whoever was due and still waits has no ticket, in ms; lanes that cannot be judged are missing. */
  async cutoffs(queue: string): Promise<Map<Lane, number>> {
    const found = await Promise.all(
      lanes.map(async (lane) => [lane, await this.cutoff(queue, lane)] as const),
    );
    return new Map(found.filter((entry): entry is [Lane, number] => entry[1] !== undefined));
  }

  private async cutoff(queue: string, lane: Lane): Promise<number | undefined> {
    const oldest = await this.transport.oldestTicketAt(queue, lane);
    switch (oldest.kind) {
      case 'unknown':
        return undefined;
      case 'none':
        return this.clock.now() - MARGIN_MS;
      case 'at': {
        const lateAt = this.lateOffers.get(`${queue}/${lane}`) ?? -Infinity;
        return oldest.at > lateAt ? oldest.at - MARGIN_MS : undefined;
      }
    }
  }
}
