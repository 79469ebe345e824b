import type { FreshLane } from '../../transport/index.js';
import { idsOfQueue } from './ids-of-queue.js';
import type { Query } from './query.js';

/**
 * Waiting jobs that may run and stand before one: of the same queue, and of its own or a higher lane for a fresh job ($4), of those that
 * run again for one that does ($5). Reads at most $6 rows above the watermark ($2) up to the job ($3), and as many that came due before it
 * ($7). Locks nothing; each part walks one index in its order and stops.
 */
const JOBS_AHEAD = {
  name: 'jobs_ahead',
  text: `
SELECT count(*) FILTER (WHERE "isAhead")::int AS ahead, bool_or(scanned = $6) IS TRUE AS "isPartial"
  FROM ((SELECT status = 'waiting' AND due_at IS NULL AND attempt = 0 AND NOT $5 AND lane <= $4::job_lane AND id <> $3::uuid AS "isAhead",
                row_number() OVER (ORDER BY queue, id) AS scanned
           FROM job WHERE ${idsOfQueue('$1', '$2', '$3')} ORDER BY queue, id LIMIT $6)
        UNION ALL
        (SELECT status = 'waiting' AND (attempt > 0) = $5 AND ($5 OR lane <= $4::job_lane) AND id <> $3::uuid,
                row_number() OVER (ORDER BY due_at, id)
           FROM job WHERE queue = $1 AND due_at IS NOT NULL AND due_at <= least($7::timestamptz, now()) ORDER BY due_at, id LIMIT $6)) AS walk`,
};

/** The job whose turn is asked for. */
export interface PlaceInQueue {
  readonly id: string;
  readonly queue: string;
  readonly watermark: string;
  readonly lane: FreshLane;
  /** True once an attempt has been charged: it waits with the others that run again. */
  readonly isRetry: boolean;
  /** Since when it could run. */
  readonly readyAt: Date;
}

/** How many stand before it; `isPartial` when there may be more than were read. */
export async function jobsAhead(
  query: Query,
  place: PlaceInQueue,
  mostRows: number,
): Promise<{ readonly ahead: number; readonly isPartial: boolean }> {
  const [row] = await query<{ ahead: number; isPartial: boolean }>(JOBS_AHEAD, [
    place.queue,
    place.watermark,
    place.id,
    place.lane,
    place.isRetry,
    mostRows,
    place.readyAt.toISOString(),
  ]);
  return row ?? { ahead: 0, isPartial: false };
}
