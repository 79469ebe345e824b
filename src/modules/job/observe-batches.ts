import type { Metrics } from '../../kernel/metrics.js';

const JOBS = [1, 2, 5, 10, 25, 50, 100, 250, 500];
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Told of each run of a group-commit batcher: how many items it took, and for how long. */
export type BatchObserver = (items: number, ms: number) => void;

/** An observer that shows how large the batches of a statement are, and how long they take. */
export function observeBatches(metrics: Metrics, statement: string): BatchObserver {
  const jobs = metrics
    .distribution('rookery_batch_items', 'Items that rode one statement together', JOBS, 'statement')
    .of(statement);
  const seconds = metrics
    .distribution('rookery_batch_seconds', 'From sending a batch to its answer', SECONDS, 'statement')
    .of(statement);
  return (items, ms) => {
    jobs.observe(items);
    seconds.observe(ms / 1_000);
  };
}
