import { MAX_TICKET_IDS, type FreshLane, type Lane, type Transport } from '../transport/index.js';

/**
 * Most jobs one hot statement takes. At 1,000 the settle's plan flipped to a scan of the whole partition; at 500 it never did, and
 * a larger batch was no cheaper a job.
 */
export const LONGEST_RUN_OF_JOBS = 500;

/** Up to this many jobs of a lane at once get a ticket each, so that few jobs spread over many workers. */
const SINGLE_TICKETS = 50;

/** A job whose ticket is offered. */
export interface Offered {
  readonly id: string;
  readonly queue: string;
  readonly lane: FreshLane;
  readonly attempt?: number;
  readonly dueAt?: Date;
}

/** Offers tickets for jobs that may run at once, a queue and lane at a time, in the order given; jobs with a due time are the stager's. */
export function offerTickets(transport: Transport, jobs: readonly Offered[]): void {
  const groups = new Map<string, { queue: string; lane: Lane; ids: string[] }>();
  for (const job of jobs) {
    if (job.dueAt) continue;
    const lane: Lane = (job.attempt ?? 0) > 0 ? 'retry' : job.lane;
    const key = `${job.queue}/${lane}`;
    const group = groups.get(key);
    if (group) group.ids.push(job.id);
    else groups.set(key, { queue: job.queue, lane, ids: [job.id] });
  }
  for (const { queue, lane, ids } of groups.values()) {
    const size = ids.length <= SINGLE_TICKETS ? 1 : MAX_TICKET_IDS;
    for (let at = 0; at < ids.length; at += size) transport.offer(queue, lane, ids.slice(at, at + size));
  }
}
