import { z } from 'zod';
import { freshLanes } from '../../transport/index.js';
import { MOST_ATTEMPTS, type JobOptions } from '../job-type.js';
import { expects } from './checked-by.js';
import { defined } from './defined.js';
import { requestTime } from './request-time.js';

const duration = (rule: string) => z.union([z.number(), z.string()], expects(rule));

/** A job as a request may ask for it. Only forms are checked here; ranges are the same for every way in, and checked behind it. */
export const jobRequest = z
  .strictObject(
    {
      name: z.string(expects('the name of a job type')),
      payload: z.unknown().optional().meta({ description: 'What its job type takes; at most 1 MiB of JSON' }),
      objectId: z
        .string(expects('a text of 1 to 512 characters'))
        .optional()
        .meta({ description: 'What the job is about; by it its type may know duplicates' }),
      lane: z.enum(freshLanes, expects(`one of ${freshLanes.join(', ')}`)).optional(),
      timeout: duration('milliseconds, a number and a unit such as "30s", or "none"').optional(),
      maxAttempts: z.number(expects(`a whole number from 1 to ${MOST_ATTEMPTS}`)).optional(),
      delay: duration('milliseconds, or a number and a unit such as "30s"').optional(),
      runAt: requestTime().optional(),
      batchId: z
        .string(expects('the id of an open batch'))
        .optional()
        .meta({ format: 'uuid', description: 'The open batch it joins' }),
      retryOf: z
        .string(expects('the id of a job'))
        .optional()
        .meta({ format: 'uuid', description: 'The job this one is another try of' }),
    },
    expects('a JSON object, as {"name": "example:job", "payload": {}}'),
  )
  .meta({ id: 'JobRequest', description: 'A job as one asks for it' })
  .transform(({ name, payload, ...options }) => ({
    name,
    payload,
    options: defined(options) satisfies JobOptions,
  }));

/** One job as a request asked for it. */
export type RequestedJob = z.output<typeof jobRequest>;
