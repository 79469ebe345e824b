import type { NewJob } from './new-job.js';

/**
 * A claim on jobs that are about to be stored. A worker of this process has taken slots for them, so that one statement stores them and
 * claims them, and each begins its first run. Every job is told of once, by one of the methods.
 */
export interface BirthClaim {
  /** The worker that the jobs are stored as claimed by. */
  readonly workerId: string;

  /** False once that worker's lease is gone: what is then stored as claimed by it would not begin. */
  readonly isHeld: boolean;

  /** The jobs are stored as claimed: their runs begin, after whoever enqueued them has been answered. */
  begin(jobs: readonly NewJob[], startedAt: Date): void;

  /** So many of the jobs are not stored: gives their slots back. */
  release(count: number): void;

  /**
   * Nobody will ever say whether the jobs were stored as claimed, and nothing that might still store them is under way: those that were wait
   * again, uncharged.
   */
  giveUp(jobs: readonly NewJob[]): void;
}

/** A worker of this process as those see it who store jobs. */
export interface BirthClaimer {
  /**
   * Takes slots for all of these jobs, which may run at once. Undefined when it is not to run them all now: another's jobs, too few slots, or
   * older jobs that may wait for them.
   */
  claimUnborn(jobs: readonly NewJob[]): BirthClaim | undefined;
}
