import { lowestIdAt } from '../../../kernel/ids.js';
import type { JobState } from '../state-machine.js';
import { containing } from './job-query.repository.js';
import { CANCELABLE_ABOVE, CANCELABLE_DUE, LAST_ID, OLDEST_WAITING } from './job-query.sql.js';
import { FIRST_DUE_PLACE, FIRST_ID } from './open-jobs.repository.js';
import { arrayLiteral, idsLiteral } from './partition-statement.js';
import type { Query } from './query.js';
import { stepOf, type WalkLimits, type WalkRange, type WalkStep, type Walked } from './walk-step.js';

/** What is known of the job of a queue that has waited longest. */
export interface OldestWaiting {
  readonly queue: string;
  /** The first fresh job; with `isWaiting` false the waiting ones are younger than it. */
  readonly freshId: string | null;
  readonly isWaiting: boolean | null;
  /** Since when the first job with a due time could run. */
  readonly dueAt: Date | null;
}

/** Which open jobs of a queue are meant, and that queue's watermark. */
export interface CancelableFilter {
  readonly queue: string;
  readonly watermark: string;
  readonly states: readonly JobState[];
  readonly name?: string;
  readonly objectId?: string;
  readonly error?: string;
  /** Made from then on, and before then. */
  readonly since?: Date;
  readonly until?: Date;
}

/** One step through the queue's open jobs above its watermark, oldest first; those with a cancel request are left out. */
export async function walkCancelableAbove(
  query: Query,
  filter: CancelableFilter,
  { place, limits }: WalkRange,
): Promise<WalkStep<string>> {
  const rows = await query<Walked>(CANCELABLE_ABOVE, [
    ...cancelable(filter, limits),
    place?.id ?? filter.watermark,
  ]);
  return stepOf(rows, limits, (row) => row.id);
}

/** One step through the queue's other open jobs, those with a due time, earliest first; those with a cancel request are left out. */
export async function walkCancelableDue(
  query: Query,
  filter: CancelableFilter,
  { place, limits }: WalkRange,
): Promise<WalkStep<string>> {
  const { id = FIRST_ID, at = FIRST_DUE_PLACE.dueAt } = place ?? {};
  const rows = await query<Walked>(CANCELABLE_DUE, [...cancelable(filter, limits), id, at, filter.watermark]);
  return stepOf(rows, limits, (row) => row.id);
}

/** What has waited longest in each of these queues; reads at most `mostRows` rows above each watermark. */
export function oldestWaiting(
  query: Query,
  queues: readonly { readonly name: string; readonly watermark: string }[],
  mostRows: number,
): Promise<OldestWaiting[]> {
  const names = arrayLiteral(queues.map((queue) => queue.name));
  return query<OldestWaiting>(OLDEST_WAITING, [
    names,
    idsLiteral(queues.map((queue) => queue.watermark)),
    mostRows,
  ]);
}

const cancelable = (filter: CancelableFilter, limits: WalkLimits): unknown[] => [
  limits.rows,
  limits.jobs + 1,
  arrayLiteral(filter.states),
  filter.name ?? null,
  filter.objectId ?? null,
  filter.queue,
  containing(filter.error),
  filter.since ? lowestIdAt(filter.since.getTime()) : FIRST_ID,
  filter.until ? lowestIdAt(filter.until.getTime()) : LAST_ID,
];
