import { RookeryError } from '../../kernel/errors.js';
import { BatcherClosedError } from '../../kernel/batcher.js';
import { isConnectionLost, isLockTimeout, isTransient, reasonOf, sqlState } from '../database/index.js';

/** The server has no memory left, or no room in its table of locks. */
const OUT_OF_MEMORY = '53200';

/** What a caller is told of an error of the database: that it is away, busy, locked or out of room and worth another try; anything else as it is. */
export function databaseError(error: unknown): unknown {
  if (error instanceof BatcherClosedError) {
    return new RookeryError(
      'shutting_down',
      'this process is shutting down; try again, another one may answer',
      {},
      { cause: error },
    );
  }
  if (sqlState(error) === OUT_OF_MEMORY) {
    return new RookeryError(
      'overloaded',
      `the database server is out of memory, or of room for locks (${reasonOf(error)}); try again later. A request of thousands of jobs with keys may need more locks than there are: send fewer in one, or raise the server's max_locks_per_transaction`,
      { retryAfter: 5 },
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
  if (isLockTimeout(error)) {
    return new RookeryError(
      'overloaded',
      'another transaction holds a lock on these rows; try again in a second',
      {},
      { cause: error },
    );
  }
  return error;
}
