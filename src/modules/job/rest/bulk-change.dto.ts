import { z } from 'zod';
import { isUuid } from '../../../kernel/ids.js';
import { expects } from './checked-by.js';
import { defined } from './defined.js';
import { filterFields } from './job-list.dto.js';

/** Most ids one request names; as many jobs as one request changes. */
const MOST_IDS = 10_000;

const flag = z.boolean(expects('true or false')).optional();
const id = z
  .string(expects('the id of a job'))
  .refine(isUuid, expects('the id of a job, a UUID'))
  .meta({ format: 'uuid' });

/** Which jobs to retry or cancel. */
export const bulkChange = z
  .strictObject(
    {
      ...filterFields,
      ids: z
        .array(id, expects('a list of job ids'))
        .min(1, expects('1 to 10,000 job ids'))
        .max(MOST_IDS, expects('1 to 10,000 job ids'))
        .optional(),
      all: flag,
      dryRun: flag,
      cursor: z.string(expects('the next of an earlier answer')).optional(),
    },
    expects('a JSON object, as {"status": "failed", "queue": "mail"}'),
  )
  .meta({ id: 'JobFilter', description: 'Which jobs are meant' })
  .transform(({ ids, all = false, dryRun = false, cursor, ...filter }) => ({
    filter: defined(filter),
    ...(ids && { ids: [...new Set(ids.map((one) => one.toLowerCase()))] }),
    isAll: all,
    isDryRun: dryRun,
    ...(cursor !== undefined && { cursor }),
  }));

/** A change of many jobs as a request asked for it. */
export type BulkChangeRequest = z.output<typeof bulkChange>;
