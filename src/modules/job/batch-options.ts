import type { Duration } from '../../kernel/durations.js';
import type { EnqueueManyOptions } from './enqueue-options.js';
import type { JobType, PayloadInput } from './job-type.js';

/** What happens when all members of a batch have ended. */
export interface OnComplete<Type extends JobType = JobType> {
  readonly type: Type;
  /** The job's payload but for its field `batch`, which is filled in: {id, key, status, total, done, failed, canceled}. */
  readonly payload?: Omit<PayloadInput<Type>, 'batch'>;
}

export interface BatchOptions {
  /**
   * Names the batch, 1…255 characters: while it is not complete, and for 12 hours after it was made, another request with this key gets this
   * batch. So a process that died while it filled one goes on with it, and the period it is for belongs into the key.
   */
  readonly key?: string;
  readonly onComplete?: OnComplete;
  /**
   * When the batch is canceled if it is not complete: its waiting members are canceled and it takes no more; from now, or a time, at most 7
   * days ahead. Without one, an open batch is canceled after 24 h, and a sealed one has all the time it takes.
   */
  readonly deadline?: Duration | Date;
  /** True for a batch that takes more members until it is sealed. Default: true without members, else false. */
  readonly open?: boolean;
  /** What becomes of first members whose type's dedupe rule refuses them because of a job outside the batch, as in `enqueueMany`. */
  readonly onDuplicate?: EnqueueManyOptions['onDuplicate'];
}
