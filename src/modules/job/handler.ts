import type { Duration } from '../../kernel/durations.js';
import type { JobOptions, JobType, Payload, PayloadInput } from './job-type.js';

/** Returned by a handler to be run again later without an attempt being charged; made by `ctx.snooze`. */
export class Snooze {
  constructor(readonly delayMs: number) {}
}

/** What a handler knows of its run, and what it may do besides returning. */
export interface JobContext {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly objectId?: string;
  /** When the job was made; the same in all its runs. */
  readonly createdAt: Date;
  /** Rises by one with every run of the job and never falls. */
  readonly run: number;
  /** The attempt this run is charged as: 1…maxAttempts. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Aborts when the run should end: timeout, cancel, lost lease or shutdown. Its reason is an `AbortReason`. */
  readonly signal: AbortSignal;
  /** Shows how far the run is: 0…1 and a note of at most 200 characters. Stored at most once a second, not durably. */
  progress(fraction: number, note?: string): void;
  /** Adds a line to the job's log: at most 1,000 lines a job, 8 KiB each; stored in batches, not durably. */
  log(message: string): void;
  /** Enqueues another job if and only if this run succeeds, in the statement that records the success. Throws on a bad payload. */
  enqueue<Type extends JobType>(
    type: Type,
    payload: PayloadInput<Type>,
    options?: JobOptions,
  ): Promise<string>;
  /** `return ctx.snooze('5m')`: the job waits that long and runs again; no attempt is charged. */
  snooze(delay: Duration): Snooze;
}

/** What an error means for the job: another attempt while any remain, failed for good, or done all the same. */
export type ErrorVerdict = 'retry' | 'fail' | 'done';

/** Why a run's signal aborted. */
export type AbortCause = 'timeout' | 'canceled' | 'lost' | 'shutdown';

/** The `reason` of an aborted `ctx.signal`. */
export class AbortReason extends Error {
  override readonly name = 'AbortReason';

  constructor(
    readonly abortedBy: AbortCause,
    message: string,
  ) {
    super(message);
  }
}

/** Runs the jobs of one type. A provider like any other: everything it needs is injected. */
export interface Handler<Type extends JobType = JobType> {
  /**
   * Runs one job. What it returns (JSON, at most 1 MiB) is the job's result; what it throws fails the attempt. It may be
   * called more than once for one job, also while an earlier run that lost its lease has not noticed yet.
   */
  handle(payload: Payload<Type>, ctx: JobContext): unknown;
  /** Judges an error that `handle` threw. Default: `retry`. Not asked about timeouts, cancels, lost leases and shutdown. */
  onError?(error: Error, ctx: JobContext): ErrorVerdict | Promise<ErrorVerdict>;
}
