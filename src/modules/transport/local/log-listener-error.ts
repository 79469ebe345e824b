import { Logger } from '@nestjs/common';
import { toError } from '../../../kernel/errors.js';

const logger = new Logger('Transport');

/** Logs what a listener threw: it is the listener's bug, and nobody else is there to hear of it. */
export function logListenerError(thrown: unknown): void {
  const error = toError(thrown);
  logger.error(`a listener failed: ${error.message}`, error.stack);
}
