import type { FreshLane } from '../../transport/index.js';
import { idsOfQueue } from './ids-of-queue.js';
import { arrayLiteral } from './partition-statement.js';
import type { Query } from './query.js';
import type { DuePlace, ReadyJob } from './open-jobs.repository.js';

/**
 * The worker's own reads for jobs that no ticket covers. Fresh jobs are read lane by lane from a place onwards, so that each
 * row is looked at about once; whatever has waited before has due_at and is found by it. Locks nothing: the claim decides.
 */
const LOOK_FRESH = {
  name: 'look_fresh',
  text: `SELECT id FROM job
          WHERE ${idsOfQueue('$1', '$3', '$4')} AND lane = $2::job_lane AND status = 'waiting' AND due_at IS NULL AND name = ANY ($5::text[])
          ORDER BY queue, id LIMIT $6`,
};

const LOOK_DUE = {
  name: 'look_due',
  text: `SELECT id, lane, attempt, due_at::text AS "dueAt", (extract(epoch FROM due_at) * 1000)::float8 AS "dueMs" FROM job
          WHERE queue = $1 AND due_at >= $2::timestamptz AND due_at <= $6::timestamptz AND due_at <= now()
            AND (due_at, id) > ($2::timestamptz, $3::uuid) AND status = 'waiting' AND name = ANY ($4::text[])
          ORDER BY due_at, id LIMIT $5`,
};

/** What part of a queue a look reads. */
export interface LookRange {
  readonly queue: string;
  /** The types the worker can run. */
  readonly names: readonly string[];
  readonly limit: number;
}

/** Fresh waiting jobs of a lane with ids in (`after`, `upTo`], oldest first. */
export async function lookFresh(
  query: Query,
  range: LookRange,
  lane: FreshLane,
  after: string,
  upTo: string,
): Promise<string[]> {
  const values = [range.queue, lane, after, upTo, arrayLiteral(range.names), range.limit];
  return (await query<{ id: string }>(LOOK_FRESH, values)).map((row) => row.id);
}

/** A waiting job whose time has come, with that time in ms. */
export type DueJob = ReadyJob & { readonly dueAt: string; readonly dueMs: number };

/** Waiting jobs whose time came by `upToMs`, after `place`, earliest due first. */
export function lookDue(query: Query, range: LookRange, place: DuePlace, upToMs: number): Promise<DueJob[]> {
  const upTo = new Date(upToMs).toISOString();
  return query<DueJob>(LOOK_DUE, [
    range.queue,
    place.dueAt,
    place.id,
    arrayLiteral(range.names),
    range.limit,
    upTo,
  ]);
}
