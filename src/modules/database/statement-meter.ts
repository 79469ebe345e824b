import type { Cell, Counter, Distribution, Metrics, Spread } from '../../kernel/metrics.js';

/** From a statement on a socket nearby to the seconds after which it is given up. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Measures the statements of hot connections, by the name of the connection. */
export class StatementMeter {
  private readonly seconds: Distribution;
  private readonly errors: Counter;

  constructor(metrics: Metrics) {
    this.seconds = metrics.distribution(
      'rookery_statement_seconds',
      'From sending a statement on a hot connection to its answer, BEGIN and COMMIT included',
      SECONDS,
      'connection',
    );
    this.errors = metrics.counter(
      'rookery_statement_errors_total',
      'Statements on a hot connection that were refused, or whose answer never came',
      'connection',
    );
  }

  /** What one connection observes, in seconds, and counts. */
  of(connection: string): { readonly seconds: Spread; readonly errors: Cell } {
    return { seconds: this.seconds.of(connection), errors: this.errors.of(connection) };
  }
}
