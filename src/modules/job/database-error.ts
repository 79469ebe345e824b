import { RookeryError } from '../../kernel/errors.js';
import { BatcherClosedError } from '../../kernel/batcher.js';
import { isConnectionLost, isTransient } from '../database/index.js';

/** What a caller is told of an error of the database: that it is away or busy and worth another try; anything else as it is. */
export function databaseError(error: unknown): unknown {
  if (error instanceof BatcherClosedError) {
    return new RookeryError(
      'shutting_down',
      'this process is shutting down; try again, another one may answer',
      {},
      { cause: error },
    );
  }
  if (isConnectionLost(error) || isTransient(error)) {
    return new RookeryError(
      'database_unavailable',
      'the database does not answer; try again in a moment, nothing is known to be lost',
      {},
      { cause: error },
    );
  }
  return error;
}
