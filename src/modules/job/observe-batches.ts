import type { Metrics } from '../../kernel/metrics.js';

const JOBS = [1, 2, 5, 10, 25, 50, 100, 250, 500];
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Told of each run of a group-commit batcher: what it took, and for how long. */
export type BatchObserver<Item> = (items: readonly Item[], ms: number) => void;

/** An observer that shows how many jobs the batches of a statement hold, and how long they take; `jobsOf` counts those of an item that is no single job. */
export function observeBatches<Item>(
  metrics: Metrics,
  statement: string,
  jobsOf: (item: Item) => number = () => 1,
): BatchObserver<Item> {
  const jobs = metrics
    .distribution('rookery_batch_items', 'Jobs that rode one statement together', JOBS, 'statement')
    .of(statement);
  const seconds = metrics
    .distribution('rookery_batch_seconds', 'From sending a batch to its answer', SECONDS, 'statement')
    .of(statement);
  return (items, ms) => {
    jobs.observe(items.reduce((sum, item) => sum + jobsOf(item), 0));
    seconds.observe(ms / 1_000);
  };
}
