import { isConnectionLost, isItemFault, isTransient } from '../database/index.js';
import type { NewJob } from './new-job.js';
import { LONGEST_RUN_OF_JOBS } from './offer-tickets.js';

/** Heaviest statement, in characters of payload: large enough for 500 ordinary jobs, small enough to parse without a pause. */
export const MAX_WEIGHT = 4 * 1024 * 1024;

/** How long a statement outlasts a database that is away, in ms: a restart takes seconds, and no caller waits for more than twice as long. */
const OUTLAST_MS = 15_000;

/** How jobs are gathered into statements that store them. */
export const ENQUEUE_BATCHING = {
  maxItems: LONGEST_RUN_OF_JOBS,
  maxWeight: MAX_WEIGHT,
  weigh: (job: NewJob) => job.payload.length,
  isItemFault,
  isTransient,
  isOutage: isConnectionLost,
  repeatForMs: OUTLAST_MS,
};
