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
import { databaseError } from '../database-error.js';

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
