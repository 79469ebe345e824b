/** What the server said of a request that failed: a problem as RFC 9457 has it, or what could be made of the answer. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  constructor(
    /** HTTP status; 0 when there was no answer. */
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    /** What was wrong with which field. */
    readonly issues: readonly { readonly path: string; readonly message: string }[] = [],
  ) {
    super(`${title}: ${detail}`);
  }
}
