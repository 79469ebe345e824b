import type { JobState, RunOutcome } from './state-machine.js';
import type { NewJob } from './new-job.js';

/** An error as it is kept: in a history entry, at most 4 KiB in all. */
export interface StoredError {
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
}

/** One run that did not simply succeed, as the job's history keeps it. */
export interface HistoryEntry {
  readonly run: number;
  readonly attempt: number;
  readonly outcome: Exclude<RunOutcome, 'succeeded'>;
  readonly worker: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly error?: StoredError;
}

/** What a worker asks to be recorded of one run. */
export type RunResult = SucceededRun | OtherRun;

export interface SucceededRun {
  readonly kind: 'succeeded';
  readonly id: string;
  readonly run: number;
  /** True when the job is a member of a batch, whose counts its end changes. */
  readonly isMember: boolean;
  /** JSON text; `null` for none. */
  readonly result: string;
  /** Jobs to enqueue with the success. */
  readonly children: readonly NewJob[];
}

export interface OtherRun {
  readonly kind: 'other';
  readonly id: string;
  readonly run: number;
  readonly isMember: boolean;
  readonly status: Exclude<JobState, 'executing'>;
  /** How long the job waits before it may run again, in ms; ignored unless `status` is waiting. */
  readonly delayMs: number;
  readonly isRefunded: boolean;
  readonly entry: HistoryEntry;
}

/** The answer to one run result: the state the job is in now, or refused because the run was no longer this worker's. */
export type SettleAnswer =
  { readonly kind: 'settled'; readonly status: JobState } | { readonly kind: 'refused' };
