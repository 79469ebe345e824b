import type { Query } from './query.js';

/** A worker's lease as who watches over it needs it. */
export interface Lease {
  readonly workerId: string;
  readonly host: string;
  readonly pid: number;
  /** With host and pid it names one process for good; null where the platform does not tell. */
  readonly processStartedAt: string | null;
  /** The last renewal, as text: compared and fenced by, never reckoned with. */
  readonly seenAt: string;
  readonly visibilityTimeoutMs: number;
}

/** Leases that were neither lost nor given up. Locks nothing. */
const OPEN_LEASES = {
  name: 'open_leases',
  text: `SELECT id AS "workerId", host, pid, process_started_at AS "processStartedAt", seen_at::text AS "seenAt",
                visibility_timeout_ms AS "visibilityTimeoutMs"
           FROM worker WHERE lost_at IS NULL AND stopped_at IS NULL ORDER BY id`,
};

/** Marks a worker lost, unless it has renewed its lease since $2. Waits for a renewal under way, and then finds it. */
const MARK_LOST = {
  name: 'mark_lost',
  text: `UPDATE worker SET lost_at = now()
          WHERE id = $1 AND seen_at = $2::timestamptz AND lost_at IS NULL AND stopped_at IS NULL RETURNING id`,
};

/** Every lease that was neither lost nor given up, however old its last renewal. */
export function openLeases(query: Query): Promise<Lease[]> {
  return query<Lease>(OPEN_LEASES, []);
}

/** Marks the worker lost, if its last renewal is still the one at `seenAt`; false when it is not. */
export async function markLost(query: Query, workerId: string, seenAt: string): Promise<boolean> {
  return (await query(MARK_LOST, [workerId, seenAt])).length > 0;
}
