import { AsyncLocalStorage } from 'node:async_hooks';

/** The run of a job that some code is executing for. */
export interface CurrentRun {
  /** The job's id. */
  readonly id: string;
  /** The job's type. */
  readonly name: string;
  readonly queue: string;
  readonly run: number;
  readonly attempt: number;
}

const storage = new AsyncLocalStorage<CurrentRun>();

/** The run whose handler called this, by whatever awaits and timers; undefined outside of handlers. For log lines and the like. */
export function currentRun(): CurrentRun | undefined {
  return storage.getStore();
}

/** Calls `work`, and all that follows from it, as that run's. */
export function asRun<Result>(run: CurrentRun, work: () => Result): Result {
  return storage.run(run, work);
}
