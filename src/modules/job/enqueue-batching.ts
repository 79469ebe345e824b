import { isItemFault, isTransient } from '../database/index.js';
import type { NewJob } from './new-job.js';
import { LONGEST_RUN_OF_JOBS } from './offer-tickets.js';

/** Heaviest statement, in characters of payload: large enough for 500 ordinary jobs, small enough to parse without a pause. */
export const MAX_WEIGHT = 4 * 1024 * 1024;

/** How long an enqueue outlasts a database that is away, in ms: a restart takes seconds, callers wait for a minute at most. */
const OUTLAST_MS = 15_000;

/** How jobs are gathered into statements that store them. */
export const ENQUEUE_BATCHING = {
  maxItems: LONGEST_RUN_OF_JOBS,
  maxWeight: MAX_WEIGHT,
  weigh: (job: NewJob) => job.payload.length,
  isItemFault,
  isTransient,
  repeatForMs: OUTLAST_MS,
};
