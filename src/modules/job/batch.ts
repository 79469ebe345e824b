import { idTime } from '../../kernel/ids.js';

/** Takes members; takes none any more; complete: all have ended; canceled: by hand or by its deadline, members may still be ending. */
export const batchStates = ['open', 'running', 'complete', 'canceled'] as const;
export type BatchState = (typeof batchStates)[number];

/** A batch that is checked and ready to be stored. */
export interface NewBatch {
  readonly id: string;
  readonly key?: string;
  /** The job type of its members. */
  readonly name: string;
  readonly queue: string;
  /** JSON text of the onComplete job as it will be stored; its payload lacks the counts. */
  readonly onComplete?: string;
  /** From now. */
  readonly deadlineMs: number;
  readonly isDeadlineDefault: boolean;
}

/** A batch as everyone outside sees it. Times are ISO 8601. */
export interface BatchView {
  readonly id: string;
  readonly key: string | null;
  /** The job type it was made for. */
  readonly name: string;
  readonly queue: string;
  readonly status: BatchState;
  /** Members so far; those not yet done, failed or canceled are waiting or executing. */
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
  readonly onComplete: string | null;
  /** The job that was made when it completed. */
  readonly onCompleteJobId: string | null;
  readonly createdAt: string;
  /** When it is sealed, or where a deadline was given completed, at the latest; null when neither is left to happen. */
  readonly deadlineAt: string | null;
  readonly sealedAt: string | null;
  readonly canceledAt: string | null;
  readonly completedAt: string | null;
}

/** A batch as its row is read. */
export interface BatchRow extends Omit<
  BatchView,
  'status' | 'createdAt' | 'deadlineAt' | 'sealedAt' | 'canceledAt' | 'completedAt'
> {
  readonly deadlineAt: Date | null;
  readonly sealedAt: Date | null;
  readonly canceledAt: Date | null;
  readonly completedAt: Date | null;
}

/** The row as a view; the id tells when the batch was made. */
export function batchViewOf(row: BatchRow): BatchView {
  const { id, key, name, queue, total, done, failed, canceled, onComplete, onCompleteJobId } = row;
  const isOver = row.completedAt !== null;
  return {
    id,
    key,
    name,
    queue,
    status: stateOf(row),
    total,
    done,
    failed,
    canceled,
    onComplete,
    onCompleteJobId,
    createdAt: new Date(idTime(id)).toISOString(),
    deadlineAt: isOver ? null : (row.deadlineAt?.toISOString() ?? null),
    sealedAt: row.sealedAt?.toISOString() ?? null,
    canceledAt: row.canceledAt?.toISOString() ?? null,
    completedAt: row.completedAt?.toISOString() ?? null,
  };
}

function stateOf({ canceledAt, completedAt, sealedAt }: BatchRow): BatchState {
  if (canceledAt) return 'canceled';
  if (completedAt) return 'complete';
  return sealedAt ? 'running' : 'open';
}
