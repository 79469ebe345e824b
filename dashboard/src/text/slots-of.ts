import type { Worker } from '../api/types.js';

/** A worker's slots for one queue: those for fresh jobs, and those for jobs that run again. */
export interface QueueSlots {
  readonly busy: number;
  readonly concurrency: number;
  readonly retryBusy: number;
  readonly retryConcurrency: number;
}

/** As the worker's heartbeat tells them; what it does not tell is none. */
export function slotsOf({ slotsByQueue }: Pick<Worker, 'slotsByQueue'>, queue: string): QueueSlots {
  const told = (slotsByQueue[queue] ?? {}) as Partial<QueueSlots>;
  const { busy = 0, concurrency = 0, retryBusy = 0, retryConcurrency = 0 } = told;
  return { busy, concurrency, retryBusy, retryConcurrency };
}
