import type { Query } from '../job/index.js';

/** What a worker says of itself when it registers. */
export interface WorkerRow {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** With host and pid it names one process for good; null where the platform does not tell. */
  readonly processStartedAt: string | null;
  readonly entry: string;
  readonly queues: readonly string[];
  readonly types: readonly string[];
  readonly visibilityTimeoutMs: number;
  readonly slots: SlotReport;
}

/** How busy a worker is, in all and by queue. */
export interface SlotReport {
  readonly total: number;
  readonly busy: number;
  readonly stuck: number;
  /** True once it takes nothing more. */
  readonly isDraining: boolean;
  readonly queues: Readonly<Record<string, QueueSlotReport>>;
}

export interface QueueSlotReport {
  readonly concurrency: number;
  readonly retryConcurrency: number;
  readonly busy: number;
  readonly retryBusy: number;
  readonly stuck: number;
}

const REGISTER = {
  name: 'register_worker',
  text: `INSERT INTO worker (id, host, pid, process_started_at, entry, queues, types, visibility_timeout_ms, slots)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
};

/** Renews a lease that has not been lost; a HOT update, for no index mentions seen_at. Returns no row when it has been lost, else whether its drain is wanted. */
const RENEW = {
  name: 'renew_lease',
  text: `UPDATE worker SET seen_at = now(), slots = $2 WHERE id = $1 AND lost_at IS NULL
          RETURNING drain_requested_at IS NOT NULL AS "isDrainWanted"`,
};

/** Gives leases up: jobs that are still executing under them are lost wherever they are met. */
const STOP = {
  name: 'stop_workers',
  text: `UPDATE worker SET stopped_at = now() WHERE id = ANY ($1::uuid[]) AND stopped_at IS NULL`,
};

/** Makes a worker's lease; its id must be new. */
export async function registerWorker(query: Query, row: WorkerRow): Promise<void> {
  await query(REGISTER, [
    row.id,
    row.host,
    row.pid,
    row.processStartedAt,
    row.entry,
    row.queues,
    row.types,
    row.visibilityTimeoutMs,
    JSON.stringify(row.slots),
  ]);
}

/** What a worker learns by renewing its lease. */
export interface RenewedLease {
  /** An operator wants it to finish what it holds and take nothing more. */
  readonly isDrainWanted: boolean;
}

/** Renews the lease; undefined when it has been lost for good. */
export async function renewLease(
  query: Query,
  id: string,
  slots: SlotReport,
): Promise<RenewedLease | undefined> {
  const [renewed] = await query<RenewedLease>(RENEW, [id, JSON.stringify(slots)]);
  return renewed;
}

/** Gives the leases of these ids up; some of them may never have been made. */
export async function stopWorkers(query: Query, ids: readonly string[]): Promise<void> {
  await query(STOP, [ids]);
}
