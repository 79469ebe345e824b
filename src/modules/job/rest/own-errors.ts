import {
  HttpException,
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, throwError, type Observable } from 'rxjs';
import { RookeryError } from '../../../kernel/errors.js';
import { Lifecycle } from '../../../kernel/lifecycle.js';
import { sqlState } from '../../database/index.js';
import { databaseError } from '../database-error.js';

/** A row that a stranger's transaction has locked for longer than a statement waits. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Turns whatever our own routes throw into an error of ours, and so tells it from what a foreign application's guards throw. */
@Injectable()
export class OwnErrors implements NestInterceptor {
  constructor(@Inject(Lifecycle) private readonly lifecycle: Lifecycle) {}

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next
      .handle()
      .pipe(catchError((error: unknown) => throwError(() => ownError(error, this.lifecycle.isStopping))));
  }
}

/** What a caller is told of whatever a request of ours failed with: one of our errors, but for what HTTP itself refuses. */
export function ownError(error: unknown, isStopping: boolean): unknown {
  if (error instanceof HttpException) return error;
  const known = databaseError(error);
  if (known instanceof RookeryError) return known;
  if (sqlState(error) === LOCK_NOT_AVAILABLE) {
    return new RookeryError(
      'overloaded',
      'another transaction holds a lock on these rows; try again in a second',
      {},
      { cause: error },
    );
  }
  // A request may outlast the connections it needs.
  if (isStopping) {
    return new RookeryError(
      'shutting_down',
      'this process is shutting down; try again, another one may answer',
      {},
      { cause: error },
    );
  }
  return new RookeryError('internal_error', 'an unexpected error', {}, { cause: error });
}
