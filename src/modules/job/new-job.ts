import type { FreshLane } from '../transport/index.js';

/** A key that only one live job may hold: of a dedupe rule, or of an `Idempotency-Key`. */
export interface JobKey {
  readonly key: string;
  /** How long it is held, in ms; null: until its job has finished. */
  readonly heldMs: number | null;
}

/** A job that is checked and ready to be stored. */
export interface NewJob {
  readonly id: string;
  readonly queue: string;
  readonly name: string;
  readonly lane: FreshLane;
  /** JSON text. */
  readonly payload: string;
  readonly maxAttempts: number;
  /** In ms; 0 for none; absent when the type's applies. */
  readonly timeoutMs?: number;
  readonly objectId?: string;
  readonly retryOf?: string;
  /** The batch it is a member of. */
  readonly batchId?: string;
  /** The name of the schedule that made it. */
  readonly schedule?: string;
  /** The traceparent of whoever enqueued it; absent where nobody traces. */
  readonly trace?: string;
  /** Absent when the job may run at once. */
  readonly dueAt?: Date;
  /** Of the dedupe rule: a job that meets a live one is a duplicate. */
  readonly dedupeKey?: JobKey;
  /** Of a member with an objectId: the batch takes it once. */
  readonly memberKey?: JobKey;
  /** Of the request: one that meets a live one is answered with the first request's job. */
  readonly idempotencyKey?: JobKey;
}
