import { z } from 'zod';
import { MOST_SLOTS } from '../../../config/index.js';
import { storedTimeoutMs } from '../job-type.js';
import type { QueueSettingsChange } from '../repository/queue.repository.js';
import { expects } from './checked-by.js';
import { defined } from './defined.js';

const slotsRule = `a whole number from 1 to ${MOST_SLOTS}, or null for each process's own`;
const timeoutRule = '1 ms to 24 days, as 500 or "30s", "none", or null for each process\'s own';

const slots = (about: string) =>
  z
    .int(expects(slotsRule))
    .min(1, expects(slotsRule))
    .max(MOST_SLOTS, expects(slotsRule))
    .nullable()
    .optional()
    .meta({ description: about });

/** A change of what is set for a queue. */
export const queueSettingsRequest = z
  .strictObject(
    {
      concurrency: slots('Fresh jobs that one process runs at a time'),
      retryConcurrency: slots('Retried jobs that one process runs at a time, beside the fresh ones'),
      timeout: z
        .union([z.number(), z.string()], expects(timeoutRule))
        .refine((timeout) => storedTimeoutMs(timeout) !== undefined, expects(timeoutRule))
        .transform(storedTimeoutMs)
        .nullable()
        .optional()
        .meta({ description: 'Longest a run may take, unless its job or its type says' }),
    },
    expects('a JSON object, as {"concurrency": 20}'),
  )
  .meta({ id: 'QueueSettingsRequest', description: 'Settings of a queue; what is left out stays' })
  .transform(({ timeout, ...slotCounts }): QueueSettingsChange =>
    defined({ ...slotCounts, timeoutMs: timeout }),
  )
  .refine((change) => Object.keys(change).length > 0, {
    error: 'is empty; use concurrency, retryConcurrency or timeout',
  });
