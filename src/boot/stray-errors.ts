import type { LoggerService } from '@nestjs/common';
import { toError } from '../kernel/errors.js';

/**
 * Answers for errors that no code caught. A forgotten promise is logged and costs nothing more; an uncaught exception is logged and
 * `onFatal` called with its message, since nobody knows what state it left behind; and output that nobody reads any more, as when the
 * other end of a pipe has gone first, is no error.
 */
export function watchStrayErrors(logger: LoggerService, onFatal: (message: string) => void): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', throwUnlessClosed);
  process.on('unhandledRejection', (reason) => {
    logger.error(`a promise was rejected and nobody caught it: ${textOf(reason)}`, 'Process');
  });
  process.on('uncaughtException', (error) => {
    logger.error(`an error was thrown and nobody caught it: ${textOf(error)}`, 'Process');
    onFatal(toError(error).message);
  });
}

function throwUnlessClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
