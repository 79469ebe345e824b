import { monotonicMs } from '../../kernel/clock.js';
import type { RunSpan } from '../../kernel/tracing.js';
import {
  AbortReason,
  type AbortCause,
  type ClaimedJob,
  type Handler,
  type JobType,
  type NewJob,
} from '../job/index.js';

/** What a run tells the line it came from. */
export interface RunHooks {
  /** Its slot is free. */
  release(): void;
}

/** One run of one job in this process, from its claim until its handler's promise has ended. */
export class Run {
  /** Jobs to be enqueued if the run succeeds. */
  readonly children: NewJob[] = [];
  /** Called once, with the cause, when the signal aborts. */
  onAbort: ((cause: AbortCause) => void) | undefined;
  /** After how long its signal aborts, in ms; none when absent. */
  timeoutMs: number | undefined;
  /** Ends the wait for the next deadline: first the timeout, after an abort the grace. */
  timer: NodeJS.Timeout | undefined;
  /** True once the outcome has been handed over: what the handler does then no longer counts. */
  isSettled = false;
  /** Where spans are made, the one of this run. */
  span: RunSpan | undefined;
  lines = 0;
  /** Monotonic, in ms. */
  readonly beganAt = monotonicMs();
  private controller: AbortController | undefined;
  private reason: AbortReason | undefined;

  constructor(
    readonly job: ClaimedJob,
    readonly type: JobType,
    readonly handler: Handler,
    /** The worker that claimed it: the hands the fence compares. */
    readonly workerId: string,
    readonly hooks: RunHooks,
  ) {}

  /** Made when a handler first asks: most no longer cost an AbortController each. */
  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      if (this.reason) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  /** Why the signal aborted, if it has. */
  get abortedBy(): AbortCause | undefined {
    return this.reason?.abortedBy;
  }

  /** Aborts the signal; the first cause stays. */
  abort(cause: AbortCause, message: string): void {
    if (this.reason) return;
    this.reason = new AbortReason(cause, message);
    this.controller?.abort(this.reason);
    this.onAbort?.(cause);
  }
}
