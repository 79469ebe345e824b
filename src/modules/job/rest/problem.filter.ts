import { randomUUID } from 'node:crypto';
import { Catch, Injectable, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { RookeryError, toError } from '../../../kernel/errors.js';
import { problemOf, retryAfterOf, type Problem } from './problem.js';

const logger = new Logger('Rest');

/** The media type of every error. */
export const PROBLEM_JSON = 'application/problem+json';

/**
 * Answers any error as application/problem+json. As a global filter (`app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost)))`)
 * it also answers unknown routes and the errors of other controllers.
 */
@Catch()
@Injectable()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const response = host.switchToHttp().getResponse<unknown>();
    const { httpAdapter } = this.adapterHost;
    const problem = loggedProblem(error);
    if (httpAdapter.isHeadersSent(response)) return;
    const retryAfter = retryAfterOf(problem);
    httpAdapter.setHeader(response, 'Content-Type', PROBLEM_JSON);
    if (retryAfter !== undefined) httpAdapter.setHeader(response, 'Retry-After', String(retryAfter));
    httpAdapter.reply(response, problem, problem.status);
  }
}

/** The same for our own errors only: on our controllers, it leaves those of a foreign application's guards to that one's filters. */
@Catch(RookeryError)
@Injectable()
export class OwnProblemFilter extends ProblemFilter {
  constructor(adapterHost: HttpAdapterHost) {
    super(adapterHost);
  }
}

/** The problem an error is; an unexpected one is logged with its stack, under the reference the caller is given. */
export function loggedProblem(error: unknown): Problem {
  const reference = randomUUID();
  const problem = problemOf(error, reference);
  if (problem.instance !== undefined) {
    const { cause } = error instanceof RookeryError ? error : { cause: undefined };
    const { stack, message } = toError(cause ?? error);
    logger.error(`${reference}: ${message}`, stack);
  }
  return problem;
}
