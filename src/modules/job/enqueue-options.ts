import type { EntityManager } from 'typeorm';
import type { JobOptions, JobType, PayloadInput } from './job-type.js';
import type { JobState } from './state-machine.js';

/** What the caller may say of one enqueue, besides what it may say of the job. */
export interface EnqueueOptions extends JobOptions {
  /**
   * Puts the job into this manager's transaction: it exists if and only if that commits, and its ticket is offered only after.
   * Throws `no_transaction` when the manager has none active.
   */
  readonly manager?: EntityManager;
  /** A second enqueue with the same key within 24 h answers the first one's job; 1…255 characters. */
  readonly idempotencyKey?: string;
}

/** One of many jobs of a type. */
export interface EnqueueItem<Type extends JobType> extends JobOptions {
  readonly payload: PayloadInput<Type>;
}

export interface EnqueueManyOptions {
  readonly manager?: EntityManager;
  /** `fail` (the default) stores nothing and throws when a job is a duplicate; `skip` stores the others. */
  readonly onDuplicate?: 'fail' | 'skip';
}

/** The answer to an enqueue. */
export interface EnqueuedJob {
  readonly id: string;
  /** `waiting`, though a worker may have begun it by now; any state when the job was there already. */
  readonly status: JobState;
  /** True when an earlier request with the same `idempotencyKey` made the job, or its batch has its `objectId` already. */
  readonly isRepeat: boolean;
}
