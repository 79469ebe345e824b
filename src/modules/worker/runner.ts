import { Logger } from '@nestjs/common';
import type { Attributes } from '@opentelemetry/api';
import { monotonicMs, type Clock } from '../../kernel/clock.js';
import { asRun } from '../../kernel/current-run.js';
import { formatDuration } from '../../kernel/durations.js';
import { toError, type RookeryError } from '../../kernel/errors.js';
import { RunSpan } from '../../kernel/tracing.js';
import { reasonOf } from '../database/index.js';
import {
  Snooze,
  isOpen,
  type AbortCause,
  type ErrorVerdict,
  type JobEndings,
  type JobService,
  type RunOutcome,
  type RunResult,
} from '../job/index.js';
import type { HeldRuns } from './held-runs.js';
import { ended, succeeded, timedOut, type Ending } from './outcome.js';
import type { Run } from './run.js';
import type { RunMetrics } from './run-metrics.js';
import { RunContext } from './run-context.js';
import type { RunNotes } from './run-notes.js';
import type { Settlement } from './settlement.js';

/** What the runner works with. */
export interface RunnerParts {
  readonly settlement: Settlement;
  readonly held: HeldRuns;
  readonly notes: RunNotes;
  readonly jobs: JobService;
  readonly endings: JobEndings;
  readonly clock: Clock;
  readonly metrics: RunMetrics;
  /** How long a handler may take to end after its signal aborted, in ms. */
  readonly graceMs: number;
}

/**
 * Runs one claimed job: begin → handle → judge → settle. Whatever the handler does, exactly one outcome is handed over, and the slot
 * comes back once: with the outcome, or, when the handler outlives it, with the handler's end.
 */
export class Runner {
  private readonly logger = new Logger('Worker');
  /** Runs with a timeout whose timers are to be set at the end of this turn of the event loop. */
  private untimed: Run[] = [];

  constructor(private readonly parts: RunnerParts) {}

  /** Starts the run and returns at once, or when a handler that awaits nothing has ended; `timeoutMs` null is none. */
  start(run: Run, timeoutMs: number | null): void {
    try {
      this.begin(run, timeoutMs);
      this.run(run, new RunContext(run, this.parts.notes, this.parts.jobs));
    } catch (error) {
      this.giveUp(run, error);
    }
  }

  /** Lets the job of a run that never began wait again, uncharged, if it is this worker's at all; `told` when that is recorded or refused. */
  giveBack(run: Run, told: () => void): void {
    const over = this.parts.held.expect(run.workerId);
    this.parts.settlement.giveBack(
      run.workerId,
      this.other(run, { outcome: 'interrupted', error: unbegun() }),
      () => {
        over();
        told();
      },
    );
  }

  private begin(run: Run, timeoutMs: number | null): void {
    this.parts.held.add(run);
    this.parts.metrics.began(run.job);
    run.span = RunSpan.begin(run.job.queue, run.job.trace, () => attributesOf(run));
    run.onAbort = (cause) => this.onAbort(run, cause);
    if (timeoutMs === null) return;
    run.timeoutMs = timeoutMs;
    if (this.untimed.length === 0) setImmediate(() => this.setTimers());
    this.untimed.push(run);
  }

  /** Sets the timers of those runs that have not ended at once: most that are short need none. */
  private setTimers(): void {
    const runs = this.untimed;
    this.untimed = [];
    const now = monotonicMs();
    for (const run of runs) {
      if (run.isSettled || run.abortedBy || run.timeoutMs === undefined) continue;
      const { timeoutMs } = run;
      run.timer = setTimeout(
        () => run.abort('timeout', `the run exceeded its timeout of ${formatDuration(timeoutMs)}`),
        Math.max(0, timeoutMs - (now - run.beganAt)),
      );
    }
  }

  /** Calls the handler. What it answers without a promise is handed over at once: a run that awaits nothing costs no promise of ours. */
  private run(run: Run, context: RunContext): void {
    try {
      const answer = within(run, context, () => run.handler.handle(run.job.payload, context));
      if (isPromise(answer)) {
        void this.runOn(run, context, answer);
        return;
      }
      this.succeed(run, answer);
    } catch (thrown) {
      void this.fail(run, context, thrown);
      return;
    }
    this.leave(run);
  }

  /** Goes on when the handler's promise has ended; never rejects. */
  private async runOn(run: Run, context: RunContext, answer: PromiseLike<unknown>): Promise<void> {
    try {
      this.succeed(run, await answer);
    } catch (thrown) {
      return this.fail(run, context, thrown);
    }
    this.leave(run);
  }

  private succeed(run: Run, value: unknown): void {
    if (run.isSettled) return;
    if (value instanceof Snooze)
      this.settle(run, this.other(run, { outcome: 'snoozed', delayMs: value.delayMs }));
    else this.settle(run, succeeded(run, value, this.now()));
  }

  /** Never rejects. */
  private async fail(run: Run, context: RunContext, thrown: unknown): Promise<void> {
    try {
      await this.settleFailed(run, context, thrown);
    } catch (error) {
      this.giveUp(run, error);
    } finally {
      this.leave(run);
    }
  }

  private async settleFailed(run: Run, context: RunContext, thrown: unknown): Promise<void> {
    if (run.isSettled) return;
    const error = toError(thrown);
    const ending = run.abortedBy ? endingOf(run, run.abortedBy) : await this.judge(run, context, error);
    if (!run.isSettled) this.settle(run, this.other(run, ending));
  }

  /** For what must not happen: without it a fault of ours, or an error that throws when it is looked at, would leave the job executing. */
  private giveUp(run: Run, error: unknown): void {
    this.logger.error(
      `job ${run.job.id}, run ${run.job.run}, ended in a way that cannot be told: ${reasonOf(error)}`,
    );
    if (!run.isSettled)
      this.settle(
        run,
        this.other(run, {
          outcome: 'failed',
          error: new Error('the run ended in a way that cannot be told'),
        }),
      );
  }

  /** Asks the handler what its error means; an `onError` that throws is itself the error. */
  private async judge(run: Run, context: RunContext, error: Error): Promise<Ending> {
    let verdict: ErrorVerdict;
    try {
      verdict = (await within(run, context, () => run.handler.onError?.(error, context))) ?? 'retry';
    } catch (thrown) {
      return { outcome: 'failed', error: toError(thrown) };
    }
    if (run.abortedBy) return endingOf(run, run.abortedBy);
    switch (verdict) {
      case 'retry':
        return { outcome: 'failed', error };
      case 'fail':
        return { outcome: 'failed', error, isFinal: true };
      case 'done':
        return { outcome: 'failed', error, isDone: true };
      default:
        return {
          outcome: 'failed',
          error: new Error(
            `onError answered ${JSON.stringify(verdict satisfies never)}; use retry, fail or done`,
          ),
        };
    }
  }

  /** The signal aborted: the handler has the grace to end by itself. */
  private onAbort(run: Run, cause: AbortCause): void {
    clearTimeout(run.timer);
    run.timer = setTimeout(() => this.onGraceOver(run, cause), this.parts.graceMs);
  }

  private onGraceOver(run: Run, cause: AbortCause): void {
    const { job } = run;
    this.logger.warn(
      `job ${job.id} (${job.name}) goes on ${formatDuration(this.parts.graceMs)} after its signal aborted (${cause}); its slot is stuck until it ends`,
    );
    this.parts.held.addStuck(run);
    this.settle(run, this.other(run, endingOf(run, cause)));
  }

  /** Hands the outcome over and gives the slot back; a refusal needs nothing more, for the run has ended. */
  private settle(run: Run, result: RunResult): void {
    this.close(run);
    endSpan(run, result);
    const ranMs = monotonicMs() - run.beganAt;
    const fallback = (error: RookeryError): RunResult =>
      this.other(run, { outcome: 'failed', error, isFinal: error.code === 'unstorable_result' });
    this.parts.settlement.record(run.workerId, result, fallback, (answer) => {
      this.parts.held.remove(run);
      if (answer?.kind === 'settled') {
        const { status } = answer;
        this.parts.metrics.ended(run.job, outcomeOf(result), status, ranMs);
        if (!isOpen(status)) this.parts.endings.tell({ id: run.job.id, status });
      } else if (answer?.kind === 'refused' && outcomeOf(result) !== 'lost') {
        this.logger.warn(
          `the outcome of job ${run.job.id}, run ${run.job.run}, came too late: the run was no longer this worker's`,
        );
      }
    });
  }

  private close(run: Run): void {
    clearTimeout(run.timer);
    run.onAbort = undefined;
    run.isSettled = true;
    if (!this.parts.held.stuck.has(run)) run.hooks.release();
  }

  /** The handler's promise has ended. */
  private leave(run: Run): void {
    if (!this.parts.held.stuck.has(run)) return;
    this.parts.held.removeStuck(run);
    run.hooks.release();
    this.logger.log(
      `the handler of job ${run.job.id}, run ${run.job.run}, has ended after all; its slot is free`,
    );
  }

  private other(run: Run, ending: Ending): RunResult {
    return ended(run, ending, this.now());
  }

  private now(): Date {
    return new Date(this.parts.clock.now());
  }
}

function outcomeOf(result: RunResult): RunOutcome {
  return result.kind === 'succeeded' ? 'succeeded' : result.entry.outcome;
}

/** Why a run ends that was given back; without a stack, for it is nobody's fault. */
function unbegun(): Error {
  const error = new Error('the run never began: its worker stopped, or its lease was lost');
  delete error.stack;
  return error;
}

/** How a run ends whose signal aborted. One that is lost is so for good if the rescue, or another worker's run, was there before. */
function endingOf(run: Run, cause: AbortCause): Ending {
  const error = run.signal.reason as Error;
  switch (cause) {
    case 'timeout':
      return timedOut(run.type.onTimeout, error);
    case 'canceled':
      return { outcome: 'canceled' };
    case 'shutdown':
      return { outcome: 'interrupted', error };
    case 'lost':
      return { outcome: 'lost', error };
  }
}

/** Calls what the handler has for a run as part of it: for its log lines, and for the spans it makes. */
function within<Result>(run: Run, context: RunContext, work: () => Result): Result {
  return asRun(context, () => (run.span ? run.span.within(work) : work()));
}

function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as PromiseLike<unknown> | undefined)?.then === 'function';
}

function attributesOf({ job }: Run): Attributes {
  return {
    'messaging.message.id': job.id,
    'job.id': job.id,
    'job.name': job.name,
    'job.run': job.run,
    'job.attempt': job.attempt,
    'job.max_attempts': job.maxAttempts,
    ...(job.batchId !== null && { 'job.batch_id': job.batchId }),
  };
}

/** A run that its handler declared done, or that ended without failing, is no error of the trace. */
function endSpan(run: Run, result: RunResult): void {
  if (result.kind === 'succeeded') run.span?.end({ 'job.outcome': 'succeeded' }, undefined);
  else {
    const { outcome, error = { message: 'the run failed' } } = result.entry;
    const isError = outcome === 'failed' && result.status !== 'done';
    run.span?.end({ 'job.outcome': outcome }, isError ? error : undefined);
  }
}
