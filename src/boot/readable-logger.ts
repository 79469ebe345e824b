import type { LogLevel as NestLogLevel } from '@nestjs/common';
import { isatty } from 'node:tty';
import type { LogLevel } from '../config/index.js';
import { systemClock } from '../kernel/clock.js';
import { currentRun } from '../kernel/current-run.js';
import { QuietLogger } from './quiet-logger.js';

/** Lines for people, with colours only where a terminal shows them; what a handler logs names its job. */
export class ReadableLogger extends QuietLogger {
  constructor(level: LogLevel) {
    super(level, { prefix: 'rookery', colors: isatty(1) && process.stdout.hasColors() });
  }

  /** ISO 8601, as everywhere else. */
  protected override getTimestamp(): string {
    return new Date(systemClock.now()).toISOString();
  }

  protected override stringifyMessage(message: unknown, logLevel: NestLogLevel): string {
    const text = super.stringifyMessage(message, logLevel);
    const run = currentRun();
    return run === undefined ? text : `${text} (job ${run.id}, run ${run.run})`;
  }
}
