import type { Json } from '../../kernel/json.js';

/** A job as its claim returned it: the worker may run it, as this run, until it settles it or loses its lease. */
export interface ClaimedJob {
  readonly id: string;
  readonly queue: string;
  readonly name: string;
  readonly payload: Json;
  readonly run: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  /** In ms; 0 for none; null when the type's, the queue's or the global timeout applies. */
  readonly timeoutMs: number | null;
  readonly objectId: string | null;
  /** The batch it is a member of. */
  readonly batchId: string | null;
  /** Since when it could run; null for one that could at once, when its id says so. */
  readonly dueAt: Date | null;
  /** The traceparent it was enqueued with. */
  readonly trace: string | null;
  readonly startedAt: Date;
}
