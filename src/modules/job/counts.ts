import type { Totals } from './repository/counter.repository.js';

/** How many jobs are in each state. Finished ones are counted since the beginning, also those deleted since. */
export interface Counts {
  /** Done and failed. */
  readonly processed: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
  readonly waiting: number;
  readonly executing: number;
}

/** The sum. Never negative: a reader may see a claim's count just before that of its job's enqueue. */
export function countsOf(rows: readonly Totals[]): Counts {
  const sum = (of: (row: Totals) => number): number =>
    Math.max(
      0,
      rows.reduce((total, row) => total + of(row), 0),
    );
  const done = sum((row) => row.done);
  const failed = sum((row) => row.failed);
  return {
    processed: done + failed,
    done,
    failed,
    canceled: sum((row) => row.canceled),
    waiting: sum((row) => row.waiting),
    executing: sum((row) => row.executing),
  };
}
