/** Knows the totals that `jobs.status` answers, the same as `GET /status`; provided by a module that stands above this one. */
export interface TotalsSource {
  status(): Promise<object>;
}

/** Injection token of the `TotalsSource`. */
export const STATUS_TOTALS = Symbol('rookery:status-totals');
