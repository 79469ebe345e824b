import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { RookeryError, type ErrorCode } from '../../../kernel/errors.js';

/** What a caller reads of an error: RFC 9457, with the stable `code` and what the error tells besides. */
export interface Problem {
  /** `urn:rookery:problem:` and the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** An `ErrorCode`; for what another part of the application refused, the HTTP status in snake case. */
  readonly code: string;
  /** Names one occurrence, where the log tells more. */
  readonly instance?: string;
  readonly [detail: string]: unknown;
}

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  /** When to try again where the error does not say, in s. */
  readonly retryAfter?: number;
}

/** What each error code is over HTTP. */
export const problemKinds: Readonly<Record<ErrorCode, ProblemKind>> = {
  already_finished: { status: 409, title: 'The job has finished already' },
  batch_sealed: { status: 409, title: 'The batch takes no more jobs' },
  clock_skew: { status: 503, title: 'A clock is wrong', retryAfter: 5 },
  database_unavailable: { status: 503, title: 'The database does not answer', retryAfter: 1 },
  duplicate_job: { status: 409, title: 'The job is a duplicate' },
  expired: { status: 410, title: 'The job is past its retention' },
  forbidden: { status: 403, title: 'That is not allowed' },
  internal_error: { status: 500, title: 'Something unexpected happened' },
  invalid_config: { status: 500, title: 'A setting is wrong' },
  invalid_cursor: { status: 400, title: 'The cursor is not one of this list' },
  invalid_id: { status: 400, title: 'The id is not a UUID' },
  invalid_payload: { status: 400, title: 'The payload is invalid' },
  invalid_request: { status: 400, title: 'The request is invalid' },
  malformed_json: { status: 400, title: 'The body is not JSON' },
  no_such_batch: { status: 404, title: 'There is no such batch' },
  no_such_job: { status: 404, title: 'There is no such job' },
  no_such_queue: { status: 404, title: 'There is no such queue' },
  no_such_schedule: { status: 404, title: 'There is no such schedule' },
  no_such_worker: { status: 404, title: 'There is no such worker' },
  no_transaction: { status: 500, title: 'There is no transaction' },
  not_found: { status: 404, title: 'There is nothing here' },
  not_retryable: { status: 409, title: 'The job cannot be retried' },
  overloaded: { status: 503, title: 'There is too much to do', retryAfter: 1 },
  payload_too_large: { status: 413, title: 'The body or the payload is too large' },
  rate_limited: { status: 429, title: 'There were too many requests', retryAfter: 1 },
  schedule_in_code: { status: 409, title: 'The schedule is declared in code' },
  schema_newer: { status: 503, title: 'The database is newer than this process' },
  shutting_down: { status: 503, title: 'This process is shutting down', retryAfter: 1 },
  too_many_failures: { status: 429, title: 'There were too many wrong tokens', retryAfter: 60 },
  unauthorized: { status: 401, title: 'Nobody knows who is asking' },
  unknown_job_name: { status: 400, title: 'There is no such job type' },
  unstorable_result: { status: 422, title: 'The result cannot be stored' },
  unsupported_media_type: { status: 415, title: 'The body is of an unsupported type' },
};

/** Members of RFC 9457 itself; a detail of that name goes under another. */
const RESERVED = new Set(['type', 'title', 'status', 'detail', 'code', 'instance']);

/** The problem an error is to its caller. Nothing of an unexpected one is told but the `reference` under which it is logged. */
export function problemOf(error: unknown, reference: string): Problem {
  const ours = asRookeryError(error);
  if (ours && ours.code !== 'internal_error') return problem(ours.code, ours.message, ours.details);
  if (error instanceof HttpException && error.getStatus() < 500) return foreignProblem(error);
  const told = problem(
    'internal_error',
    'an unexpected error; it is logged in full, with the instance below',
  );
  return { ...told, instance: `urn:uuid:${reference}` };
}

/** In s, or undefined when there is no telling; for the header Retry-After. */
export function retryAfterOf(told: Problem): number | undefined {
  return typeof told['retryAfter'] === 'number' ? told['retryAfter'] : undefined;
}

function problem(code: ErrorCode, detail: string, details: Readonly<Record<string, unknown>> = {}): Problem {
  const { status, title, retryAfter } = problemKinds[code];
  const entries = Object.entries(details).map(
    ([key, value]) => [RESERVED.has(key) ? renamed(key) : key, value] as const,
  );
  return {
    type: `urn:rookery:problem:${code}`,
    title,
    status,
    detail,
    code,
    ...(retryAfter !== undefined && { retryAfter }),
    ...(Object.fromEntries(entries) as Record<string, unknown>),
  };
}

/** `status` tells of the job, and becomes `jobStatus`. */
function renamed(key: string): string {
  return `job${key.charAt(0).toUpperCase()}${key.slice(1)}`;
}

/** The error as one of ours, when its meaning is known: what the HTTP server says of a body it could not take, and of a path. */
function asRookeryError(error: unknown): RookeryError | undefined {
  if (error instanceof RookeryError) return error;
  if (error instanceof HttpException)
    return asRookeryError(error.cause) ?? byStatus(error.getStatus(), error.message);
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return new RookeryError(
      'malformed_json',
      'the body is empty; send JSON, or leave the header Content-Type out',
    );
  }
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY' || (error instanceof SyntaxError && statusCode === 400)) {
    return new RookeryError('malformed_json', 'the body is not valid JSON, or holds a key that is refused');
  }
  return typeof statusCode === 'number' ? byStatus(statusCode, error.message) : undefined;
}

function byStatus(status: number, message: string): RookeryError | undefined {
  switch (status) {
    case 404:
      return new RookeryError('not_found', `${message}: there is no such route`);
    case 413:
      return new RookeryError('payload_too_large', 'the body is larger than this route takes');
    case 414:
    case 400:
      return new RookeryError('invalid_request', message);
    case 415:
      return new RookeryError(
        'unsupported_media_type',
        'this route does not take a body of that type; send application/json',
      );
    case 429:
      return new RookeryError('rate_limited', message);
    default:
      return undefined;
  }
}

function foreignProblem(error: HttpException): Problem {
  const status = error.getStatus();
  const title = STATUS_CODES[status] ?? 'Refused';
  const code = title.toLowerCase().replaceAll(/[^a-z]+/g, '_');
  return { type: `urn:rookery:problem:${code}`, title, status, detail: error.message, code };
}
