import type { Query } from '../job/index.js';

/** What a worker says of its slots with each heartbeat. */
export interface WorkerSlots {
  readonly total: number;
  readonly busy: number;
  /** Slots whose run was settled while its handler goes on. */
  readonly stuck: number;
  /** True once it takes no more jobs. */
  readonly isDraining?: boolean;
  readonly queues?: Readonly<Record<string, unknown>>;
}

export interface LiveWorker {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly entry: string;
  readonly queues: readonly string[];
  readonly types: readonly string[];
  readonly slots: WorkerSlots;
  readonly isDrainWanted: boolean;
  readonly startedAt: Date;
  readonly seenAt: Date;
}

/** Workers that neither stopped nor were found lost, and were seen within the time after which they may be. A row a process of the last day. */
const LIVE_WORKERS = {
  name: 'live_workers',
  text: `
SELECT id, host, pid, entry, queues, types, slots, drain_requested_at IS NOT NULL AS "isDrainWanted", started_at AS "startedAt", seen_at AS "seenAt"
  FROM worker
 WHERE stopped_at IS NULL AND lost_at IS NULL AND seen_at > now() - visibility_timeout_ms * interval '1 ms'
 ORDER BY host, pid, id`,
};

/** The workers that live, by host and process. */
export function liveWorkers(query: Query): Promise<LiveWorker[]> {
  return query<LiveWorker>(LIVE_WORKERS, []);
}

/** Asks a worker that lives to take no more jobs. Returns no row when there is none. */
const REQUEST_DRAIN = {
  name: 'request_drain',
  text: `UPDATE worker SET drain_requested_at = coalesce(drain_requested_at, now())
          WHERE id = $1 AND stopped_at IS NULL AND lost_at IS NULL RETURNING id`,
};

/** Asks the worker to take no more jobs; false when it does not live. */
export async function requestDrain(query: Query, id: string): Promise<boolean> {
  return (await query(REQUEST_DRAIN, [id])).length > 0;
}

/** Workers found lost within the last $1 ms, latest first. A row a process of the last day. */
const LOST_WORKERS = {
  name: 'lost_workers',
  text: `SELECT id, host, pid, lost_at AS "lostAt" FROM worker WHERE lost_at > now() - $1 * interval '1 ms' ORDER BY lost_at DESC LIMIT 20`,
};

/** A worker that stopped renewing its lease. */
export interface LostWorker {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly lostAt: Date;
}

/** The last 20 workers that were found lost within that time, latest first. */
export function lostWorkers(query: Query, withinMs: number): Promise<LostWorker[]> {
  return query<LostWorker>(LOST_WORKERS, [withinMs]);
}
