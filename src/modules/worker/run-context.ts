import { durationMs, type Duration } from '../../kernel/durations.js';
import { idTime } from '../../kernel/ids.js';
import {
  Snooze,
  type JobContext,
  type JobOptions,
  type JobService,
  type JobType,
  type PayloadInput,
} from '../job/index.js';
import type { Run } from './run.js';
import type { RunNotes } from './run-notes.js';

/** What a handler is given besides its payload: a view of its run, with the few things it may do. */
export class RunContext implements JobContext {
  readonly objectId?: string;

  constructor(
    private readonly current: Run,
    private readonly notes: RunNotes,
    private readonly jobs: JobService,
  ) {
    if (current.job.objectId !== null) this.objectId = current.job.objectId;
  }

  get id(): string {
    return this.current.job.id;
  }

  get name(): string {
    return this.current.job.name;
  }

  get queue(): string {
    return this.current.job.queue;
  }

  get createdAt(): Date {
    return new Date(idTime(this.current.job.id));
  }

  get attempt(): number {
    return this.current.job.attempt;
  }

  get maxAttempts(): number {
    return this.current.job.maxAttempts;
  }

  get signal(): AbortSignal {
    return this.current.signal;
  }

  get run(): number {
    return this.current.job.run;
  }

  progress(fraction: number, note?: string): void {
    if (!(fraction >= 0 && fraction <= 1))
      throw new RangeError(`progress is ${fraction}; use a number from 0 to 1`);
    if (!this.current.isSettled) this.notes.progress(this.current, fraction, note);
  }

  log(message: string): void {
    this.notes.log(this.current, message);
  }

  async enqueue<Type extends JobType>(
    type: Type,
    payload: PayloadInput<Type>,
    options: JobOptions = {},
  ): Promise<string> {
    const child = await this.jobs.prepare(type, payload, options);
    // A worker that does not trace itself passes on what its job carries.
    const { trace } = this.current.job;
    this.current.children.push(child.trace === undefined && trace !== null ? { ...child, trace } : child);
    return child.id;
  }

  snooze(delay: Duration): Snooze {
    return new Snooze(durationMs(delay));
  }
}
