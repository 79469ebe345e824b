import type { LogLevel as NestLogLevel } from '@nestjs/common';
import type { LogLevel } from '../config/index.js';
import { systemClock } from '../kernel/clock.js';
import { currentRun } from '../kernel/current-run.js';
import { QuietLogger } from './quiet-logger.js';

/** Nest's names for levels in the words of our setting; `fatal` is what ends the process. */
const LEVELS: Record<NestLogLevel, LogLevel | 'fatal'> = {
  verbose: 'debug',
  debug: 'debug',
  log: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'fatal',
};

type JsonOptions = Parameters<QuietLogger['getJsonLogObject']>[1];

/** Lines for machines: one JSON object each, whatever is logged; what a handler logs bears its job and run. */
export class JsonLogger extends QuietLogger {
  /** @param entry what the process is, as one word with commas */
  constructor(
    level: LogLevel,
    private readonly entry: string,
  ) {
    super(level, { json: true, colors: false });
  }

  protected override printAsJson(message: unknown, options: JsonOptions): void {
    const line = this.stringifyJsonLogObject(this.recordOf(message, options));
    process[options.writeStreamType ?? 'stdout'].write(`${line}\n`);
  }

  private recordOf(message: unknown, options: JsonOptions): Record<string, unknown> {
    const { context, logLevel, errorStack, error, params } = options;
    const run = currentRun();
    return {
      time: new Date(systemClock.now()).toISOString(),
      level: LEVELS[logLevel],
      ...(context !== '' && { context }),
      message,
      ...(error && { error: this.serializeError(error) }),
      ...(errorStack !== undefined && { stack: errorStack }),
      ...(params && { params }),
      ...(run && { jobId: run.id, run: run.run, attempt: run.attempt, queue: run.queue, type: run.name }),
      pid: process.pid,
      entry: this.entry,
    };
  }
}
