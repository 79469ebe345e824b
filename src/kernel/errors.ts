/** Every error code a caller may meet, over REST, NATS, the CLI and in code. A code never changes its meaning. */
export type ErrorCode =
  | 'already_finished'
  | 'batch_sealed'
  | 'clock_skew'
  | 'database_unavailable'
  | 'duplicate_job'
  | 'expired'
  | 'forbidden'
  | 'internal_error'
  | 'invalid_config'
  | 'invalid_cursor'
  | 'invalid_id'
  | 'invalid_payload'
  | 'invalid_request'
  | 'malformed_json'
  | 'no_such_batch'
  | 'no_such_job'
  | 'no_such_queue'
  | 'no_such_schedule'
  | 'no_such_worker'
  | 'no_transaction'
  | 'not_found'
  | 'not_retryable'
  | 'overloaded'
  | 'payload_too_large'
  | 'rate_limited'
  | 'schedule_in_code'
  | 'schema_newer'
  | 'shutting_down'
  | 'too_many_failures'
  | 'unauthorized'
  | 'unknown_job_name'
  | 'unstorable_result'
  | 'unsupported_media_type';

/** What went wrong with which value, one entry a place. `path` is dotted, `payload.to` or `[3].delay`; empty for the whole. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

/**
 * An error meant for the caller: a stable `code`, a message that names the value and the fix, and the details the
 * caller may act on (they are shown to it, so they hold no secret).
 */
export class RookeryError extends Error {
  override readonly name = 'RookeryError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Any thrown value as an Error: itself, or one whose message tells what was thrown. */
export function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(`thrown value is not an Error: ${describe(thrown)}`, { cause: thrown });
}

function describe(value: unknown): string {
  if (typeof value === 'string') return value;
  for (const show of [() => JSON.stringify(value), () => String(value)]) {
    try {
      const text = show() as string | undefined;
      if (text !== undefined) return text;
    } catch {
      // The other way may do.
    }
  }
  return `a value of type ${typeof value} that cannot be shown`;
}
