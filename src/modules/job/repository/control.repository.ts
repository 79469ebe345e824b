import type { Json } from '../../../kernel/json.js';
import type { Query } from './query.js';
import type { FreshLane } from '../../transport/index.js';
import type { JobState } from '../state-machine.js';
import { completedIn, type CompletedBatch, type CompletingRow } from './batch.repository.js';
import { CANCEL, REOPEN, STANDINGS, STATES } from './control.sql.js';
import { takeKeys } from './enqueue.repository.js';
import { idsLiteral } from './partition-statement.js';

export interface CanceledJob {
  readonly id: string;
  readonly queue: string;
  /** `canceled` when it was waiting, `executing` when its worker has yet to abort it. */
  readonly status: JobState;
}

export interface ReopenedJob {
  readonly id: string;
  readonly queue: string;
  readonly lane: FreshLane;
  readonly attempt: number;
}

export interface KnownState {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly status: JobState;
  readonly objectId: string | null;
  readonly batchId: string | null;
}

/**
 * Cancels those of the jobs that are open, or with `onlyWaiting` wait when it locks them; the others are missing from the answer. The batches
 * completed are to be announced by the caller.
 */
export async function cancelJobs(
  query: Query,
  ids: readonly string[],
  onlyWaiting = false,
): Promise<{ readonly jobs: readonly CanceledJob[]; readonly completed: readonly CompletedBatch[] }> {
  const jobs = await query<CanceledJob & CompletingRow>(CANCEL, [idsLiteral(ids), onlyWaiting]);
  return { jobs, completed: completedIn(jobs) };
}

/** The smallest ids that are within their retention, of jobs in each of the states that can be retried. */
export interface KeptFrom {
  readonly failed: string;
  readonly canceled: string;
}

/** True of a job that could be retried but that it is past its retention, and may be deleted at any moment. */
export function isExpired({ id, status }: Pick<KnownState, 'id' | 'status'>, kept: KeptFrom): boolean {
  return (status === 'failed' || status === 'canceled') && id < kept[status];
}

/**
 * Returns those of the jobs that failed or were canceled to waiting; the others are missing from the answer, and so are those past their
 * retention. A job for which `keyOf` names a key takes that key back, and stays as it is while another live job holds it, or when it ends
 * only while this is under way. To be called inside a transaction.
 */
export async function reopenJobs(
  query: Query,
  ids: readonly string[],
  kept: KeptFrom,
  keyOf: (job: KnownState) => string | undefined,
): Promise<ReopenedJob[]> {
  const keys = new Map<string, string>();
  // One that is open or done now may end before the statement below, and another job may have its key by then.
  const unended = new Set<string>();
  for (const job of await statesOf(query, ids)) {
    const key = keyOf(job);
    if (key === undefined) continue;
    const isRetryable = job.status === 'failed' || job.status === 'canceled';
    if (!isRetryable) unended.add(job.id);
    else if (!isExpired(job, kept)) keys.set(job.id, key);
  }
  const refused = await takeKeys(query, keys);
  const allowed = idsLiteral(ids.filter((id) => !refused.has(id) && !unended.has(id)));
  return query<ReopenedJob>(REOPEN, [allowed, kept.failed, kept.canceled]);
}

/** Where a job stands, and how far its run has come. */
export interface StandingRow {
  readonly id: string;
  readonly status: JobState;
  readonly run: number;
  readonly attempt: number;
  readonly progress: Json | null;
}

/** Where these jobs stand; ids that do not exist are missing. */
export function standingsOf(query: Query, ids: readonly string[]): Promise<StandingRow[]> {
  return query<StandingRow>(STANDINGS, [idsLiteral(ids)]);
}

/** The states of these jobs; ids that do not exist are missing. */
export function statesOf(query: Query, ids: readonly string[]): Promise<KnownState[]> {
  return query<KnownState>(STATES, [idsLiteral(ids)]);
}
