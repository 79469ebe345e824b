import type { Json } from '../../kernel/json.js';
import { idTime } from '../../kernel/ids.js';
import type { FreshLane } from '../transport/index.js';
import type { HistoryEntry, StoredError } from './run-result.js';
import type { JobState } from './state-machine.js';

/** A job as everyone outside sees it: over REST, in the CLI and in code. Times are ISO 8601. */
export interface JobView {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly lane: FreshLane;
  readonly status: JobState;
  /** Attempts charged so far, ≤ `maxAttempts`. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Rises by one with every run and never falls. */
  readonly run: number;
  readonly payload: Json;
  /** What the handler returned; null until the job is done. */
  readonly result: Json | null;
  /** The last 20 runs that did not succeed, oldest first; each holds its error. */
  readonly history: readonly HistoryEntry[];
  /** `{fraction, note?}` as the handler last showed it; null when it showed none. */
  readonly progress: Json | null;
  readonly objectId: string | null;
  /** The batch it is a member of. */
  readonly batchId: string | null;
  readonly schedule: string | null;
  /** The job this one repeats by hand. */
  readonly retryOf: string | null;
  readonly workerId: string | null;
  /** The job's own timeout; 0 for `none`; null when its type's, its queue's or the global one applies. */
  readonly timeoutMs: number | null;
  readonly createdAt: string;
  /** A waiting job does not run before this time; null when it may run at once. */
  readonly dueAt: string | null;
  readonly startedAt: string | null;
  /** When somebody asked to cancel it. A run that was under way may have finished first, and the job be done; a retry by hand clears it. */
  readonly cancelRequestedAt: string | null;
  readonly finishedAt: string | null;
}

/** A job as its row is read: what the view derives or formats is raw. */
export interface JobRow extends Omit<
  JobView,
  'history' | 'createdAt' | 'dueAt' | 'startedAt' | 'cancelRequestedAt' | 'finishedAt'
> {
  readonly history: readonly HistoryEntry[] | null;
  readonly dueAt: Date | null;
  readonly startedAt: Date | null;
  readonly cancelRequestedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** The row as a view; the id tells when the job was made. */
export function viewOf(row: JobRow): JobView {
  return {
    id: row.id,
    name: row.name,
    queue: row.queue,
    lane: row.lane,
    status: row.status,
    attempt: row.attempt,
    maxAttempts: row.maxAttempts,
    run: row.run,
    payload: row.payload,
    result: row.result,
    history: (row.history ?? []).map(entryOf),
    progress: row.progress,
    objectId: row.objectId,
    batchId: row.batchId,
    schedule: row.schedule,
    retryOf: row.retryOf,
    workerId: row.workerId,
    timeoutMs: row.timeoutMs,
    createdAt: new Date(idTime(row.id)).toISOString(),
    dueAt: row.dueAt?.toISOString() ?? null,
    startedAt: row.startedAt?.toISOString() ?? null,
    cancelRequestedAt: row.cancelRequestedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
  };
}

/** jsonb keeps keys in an order of its own; people read an entry from the run to its error. */
function entryOf({ run, attempt, outcome, worker, startedAt, endedAt, error }: HistoryEntry): HistoryEntry {
  return { run, attempt, outcome, worker, startedAt, endedAt, ...(error && { error: errorOf(error) }) };
}

function errorOf({ code, message, stack }: StoredError): StoredError {
  return { ...(code !== undefined && { code }), message, ...(stack !== undefined && { stack }) };
}
