import type { JobState } from '../state-machine.js';
import { walkDiscardedIds, walkNewestIds, type JobFilter } from '../repository/job-query.repository.js';
import { FIRST_ID } from '../repository/open-jobs.repository.js';
import { walkCancelableAbove, walkCancelableDue } from '../repository/open-walk.repository.js';
import type { Query } from '../repository/query.js';
import type { QueueState } from '../repository/queue.repository.js';
import type { WalkLimits } from '../repository/walk-step.js';
import type { CursorPlace } from './cursor.js';

/** A filter with the states a change is for. */
export interface ChangeFilter extends JobFilter {
  readonly states: readonly JobState[];
}

/** One step of a walk that answers ids; its next place may be in another part of the walk. */
export interface IdStep {
  readonly found: readonly string[];
  readonly rowsRead: number;
  readonly next?: CursorPlace;
}

/** Walks from a place onwards. */
export type IdWalk = (place: CursorPlace | undefined, limits: WalkLimits) => Promise<IdStep>;

/** Walks the failed and canceled jobs of the filter, by the index that serves it. */
export function retryableWalk(query: Query, filter: ChangeFilter, queues: readonly QueueState[]): IdWalk {
  if (isNarrow(filter)) return newestFirst(query, filter);
  const names = queues.map((queue) => queue.name);
  return (place, limits) => walkDiscardedIds(query, filter, names, { place, limits });
}

/**
 * Walks the open jobs of the filter: one object's or one batch's by its index; else queue by queue, first the jobs above the watermark, then those
 * with a due time, which together are all the open jobs there are.
 */
export function cancelableWalk(query: Query, filter: ChangeFilter, queues: readonly QueueState[]): IdWalk {
  if (isNarrow(filter)) return newestFirst(query, filter);
  const parts = queues.flatMap((queue) => [
    { name: `${queue.name}/above`, queue, walk: walkCancelableAbove },
    { name: `${queue.name}/due`, queue, walk: walkCancelableDue },
  ]);
  return async (place, limits) => {
    const at = place ? parts.findIndex((part) => part.name === place.part) : 0;
    const part = parts[at];
    if (!part) return { found: [], rowsRead: 0 };
    const ofQueue = { ...filter, queue: part.queue.name, watermark: part.queue.watermark };
    const step = await part.walk(query, ofQueue, {
      place: place && isInside(place) ? place : undefined,
      limits,
    });
    const next = step.next ? { ...step.next, part: part.name } : startOf(parts[at + 1]?.name);
    return { found: step.found, rowsRead: step.rowsRead, ...(next && { next }) };
  };
}

/** True for one object's or one batch's jobs, which are few and have an index of their own. */
function isNarrow({ objectId, batchId }: ChangeFilter): boolean {
  return objectId !== undefined || batchId !== undefined;
}

/** By id, as an object's and a batch's jobs are indexed; those asked to cancel already come again. */
function newestFirst(query: Query, filter: ChangeFilter): IdWalk {
  return (place, limits) => walkNewestIds(query, filter, { place, limits });
}

/** The place before a part's first job. */
function startOf(part: string | undefined): CursorPlace | undefined {
  return part === undefined ? undefined : { id: FIRST_ID, part };
}

function isInside(place: CursorPlace): boolean {
  return place.id !== FIRST_ID;
}
