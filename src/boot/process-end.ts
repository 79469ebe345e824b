import type { LoggerService } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lifecycle } from '../kernel/lifecycle.js';
import type { Ancestor } from './launchers.js';
import { watchParents } from './parent-watch.js';
import { watchSignals } from './stop-signals.js';
import { watchStrayErrors } from './stray-errors.js';

/** How long, once all of Rookery has stopped, what the application's own code does at its start or its end is waited for. */
const HOOKS_WITHIN_MS = 10_000;

/** As long, when the process is to end at once: enough for hooks that only let go of something. */
const HURRIED_HOOKS_WITHIN_MS = 1_000;

const OVERDUE = Symbol('overdue');

/**
 * The end of this process: what asks for it, the stop of all of Rookery, and how long the application's own code is waited for after that.
 * The first signal, a launcher that is gone, and `ask` stop it in order; a second signal, and an error that nobody caught, at once.
 */
export class ProcessEnd {
  /** Resolves when all of Rookery has stopped, which begins when the end is asked for. */
  readonly stopped: Promise<unknown>;
  private begin = (_reason: string): void => undefined;
  private hurriedReason: string | undefined;
  private hurry = (): void => undefined;
  private readonly overdue: Promise<typeof OVERDUE>;

  constructor(
    private readonly logger: LoggerService,
    private readonly lifecycle: Lifecycle,
    ancestors: readonly Ancestor[],
  ) {
    const asked = new Promise<string>((resolve) => (this.begin = resolve));
    const hurried = new Promise<void>((resolve) => (this.hurry = resolve));
    this.stopped = asked.then((reason) => {
      logger.log(`stopping: ${reason}`, 'Rookery');
      // Before the application is there, this ends the wait for its database.
      return lifecycle.stop();
    });
    this.overdue = this.stopped.then(() => endOfPatience(hurried));
    this.watch(ancestors);
  }

  /** Asks for an end in order; only the first reason counts. */
  ask(reason: string): void {
    this.begin(reason);
  }

  /** Why the process ends at once; undefined while it does not. */
  get hurriedBy(): string | undefined {
    return this.hurriedReason;
  }

  /**
   * Waits for what the application's own code does in these hooks: as long as it takes, but only for a moment once all of Rookery has
   * stopped. Answers undefined, and says so, when that was not enough.
   */
  async untilOverdue<T>(hooks: string, ended: Promise<T>): Promise<T | undefined> {
    const first = await Promise.race([ended, this.overdue]);
    if (first !== OVERDUE) return first;
    this.logger.warn(
      `waits no longer for the application: one of its ${hooks} hooks does not end`,
      'Rookery',
    );
    return undefined;
  }

  private watch(ancestors: readonly Ancestor[]): void {
    watchSignals((signal, isUrgent) => {
      if (!isUrgent) return this.ask(signal);
      this.logger.warn(`stopping at once: ${signal} again; jobs that still run will run again`, 'Rookery');
      this.askAtOnce(`${signal} again`);
    });
    watchParents(() => this.ask('the process that started this one is gone'), ancestors);
    // At once: what runs is left to be charged as lost, so that a job which does this every time does not do it for ever.
    watchStrayErrors(this.logger, (message) => this.askAtOnce(`an error that nobody caught: ${message}`));
  }

  private askAtOnce(reason: string): void {
    this.hurriedReason ??= reason;
    this.lifecycle.hurry();
    this.hurry();
    this.ask(reason);
  }
}

async function endOfPatience(hurried: Promise<void>): Promise<typeof OVERDUE> {
  await Promise.race([delay(HOOKS_WITHIN_MS), hurried.then(() => delay(HURRIED_HOOKS_WITHIN_MS))]);
  return OVERDUE;
}
