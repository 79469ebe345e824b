import { z } from 'zod';
import { jobStates } from '../state-machine.js';
import { expects } from './checked-by.js';
import { defined } from './defined.js';
import { requestTime } from './request-time.js';

const LONGEST_OBJECT_ID = 512;
const MOST_JOBS = 1_000;
const DEFAULT_JOBS = 50;

const objectRule = expects(`1 to ${LONGEST_OBJECT_ID} characters without U+0000`);
const nameRule = expects('the name of a job type: 1 to 128 of letters, digits and : _ . -');
const queueRule = expects('a queue name: 1 to 64 of a-z, 0-9, _ and -');

const errorRule = expects('1 to 200 characters without U+0000');

/** The fields by which jobs are chosen, in lists and in changes of many. */
export const filterFields = {
  status: z.enum(jobStates, expects(`one of ${jobStates.join(', ')}`)).optional(),
  name: z
    .string(nameRule)
    .regex(/^[A-Za-z0-9:_.-]{1,128}$/, nameRule)
    .optional(),
  queue: z
    .string(queueRule)
    .regex(/^[a-z0-9_-]{1,64}$/, queueRule)
    .optional(),
  objectId: z
    .string(objectRule)
    .regex(/^[^\0]{1,512}$/, objectRule)
    .optional(),
  batchId: z.uuid(expects('the id of a batch')).optional(),
  error: z
    .string(errorRule)
    .regex(/^[^\0]{1,200}$/, errorRule)
    .meta({ description: 'Part of what the last failed run said, in whatever case' })
    .optional(),
  since: requestTime('Made (failed and canceled: ended) from then on').optional(),
  until: requestTime('Made (failed and canceled: ended) before then').optional(),
};

const cursor = z.string(expects('the next of an earlier answer')).optional();

/** The query of a list of jobs. */
export const jobListQuery = z
  .strictObject({
    ...filterFields,
    limit: z
      .string(expects(`a whole number from 1 to ${MOST_JOBS}`))
      .refine(
        (text) => /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_JOBS,
        expects(`a whole number from 1 to ${MOST_JOBS}`),
      )
      .meta({
        type: 'integer',
        minimum: 1,
        maximum: MOST_JOBS,
        default: DEFAULT_JOBS,
        description: 'Most jobs of the page',
      })
      .transform(Number)
      .optional(),
    cursor,
  })
  .transform(({ limit = DEFAULT_JOBS, cursor: after, ...filter }) => ({
    filter: defined(filter),
    limit,
    ...(after !== undefined && { cursor: after }),
  }));

/** A list as a request asked for it. */
export type JobListQuery = z.output<typeof jobListQuery>;
