import { z } from 'zod';
import { batchStates } from '../batch.js';
import { expects } from './checked-by.js';
import { defined } from './defined.js';

/** Most members one request adds, as of jobs in bulk. */
const MOST_ITEMS = 10_000;
const MOST_BATCHES = 1_000;
const DEFAULT_BATCHES = 50;

const itemsRule = expects(
  'an array of payloads, at most 10,000; add more in further requests to an open batch',
);

const items = z.array(z.unknown(), itemsRule).max(MOST_ITEMS, itemsRule);

/** A member with more than its payload. */
const member = z.strictObject({
  payload: z.unknown().optional(),
  objectId: z.string(expects('a text of 1 to 512 characters')).optional(),
});

const jobs = z
  .array(member, expects('an array of {payload, objectId?}, at most 10,000'))
  .max(MOST_ITEMS, expects('at most 10,000; add more in further requests'));

const ISO_TIME = /^\d{4}-\d{2}-\d{2}T/;

/** ISO 8601 is a time, anything else a duration. */
const deadline = z
  .union([z.number(), z.string()], expects('a number and a unit such as "6h", or a time in ISO 8601'))
  .transform((value) => (typeof value === 'string' && ISO_TIME.test(value) ? new Date(value) : value));

/** The members a request names, as payloads or with an objectId each. */
const members = { items: items.optional(), jobs: jobs.optional() };

interface Members {
  readonly items?: readonly unknown[] | undefined;
  readonly jobs?: readonly z.output<typeof member>[] | undefined;
}

/** One member as a request named it. */
interface RequestedMember {
  readonly payload: unknown;
  readonly objectId?: string;
}

function membersOf({ items: payloads = [], jobs: given = [] }: Members): RequestedMember[] {
  return [
    ...payloads.map((payload) => ({ payload })),
    ...given.map(({ payload, objectId }) => ({ payload, ...(objectId !== undefined && { objectId }) })),
  ];
}

const onDuplicate = z.enum(['fail', 'skip'], expects('fail or skip')).default('fail');

/** A batch as a request may ask for it. */
export const batchRequest = z
  .strictObject(
    {
      name: z.string(expects('the name of the job type of its members')),
      ...members,
      key: z.string(expects('a text of 1 to 255 characters')).optional(),
      onComplete: z
        .strictObject(
          {
            name: z.string(expects('the name of a job type')),
            payload: z.record(z.string(), z.unknown(), expects('a JSON object')).optional(),
          },
          expects('{"name", "payload"?}'),
        )
        .optional(),
      deadline: deadline.optional(),
      open: z.boolean(expects('true or false')).optional(),
      onDuplicate,
    },
    expects('a JSON object, as {"name": "example:job", "items": [{"param": "a"}]}'),
  )
  .meta({ id: 'BatchRequest', description: 'A batch as one asks for it' })
  .transform(({ name, items: payloads, jobs: given, ...options }) => ({
    name,
    members: membersOf({ items: payloads, jobs: given }),
    options: defined(options),
  }));

/** A batch as a request asked for it. */
export type RequestedBatch = z.output<typeof batchRequest>;

/** Members to be added to a batch. */
export const membersRequest = z
  .strictObject({ ...members, onDuplicate }, expects('a JSON object, as {"items": [{"param": "a"}]}'))
  .meta({ id: 'BatchMembers', description: 'Members to be added' })
  .transform(({ onDuplicate, ...given }) => ({ members: membersOf(given), onDuplicate }));

export type RequestedMembers = z.output<typeof membersRequest>;

const limitRule = expects(`a whole number from 1 to ${MOST_BATCHES}`);

const keyRule = expects('the key of a batch: 1 to 255 characters without U+0000');

/** The query of a list of batches. */
export const batchListQuery = z
  .strictObject({
    status: z.enum(batchStates, expects(`one of ${batchStates.join(', ')}`)).optional(),
    key: z
      .string(keyRule)
      .regex(/^[^\0]{1,255}$/, keyRule)
      .optional(),
    limit: z
      .string(limitRule)
      .refine(
        (text) => /^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= MOST_BATCHES,
        limitRule,
      )
      .meta({
        type: 'integer',
        minimum: 1,
        maximum: MOST_BATCHES,
        default: DEFAULT_BATCHES,
        description: 'Most batches of the page',
      })
      .transform(Number)
      .optional(),
    cursor: z.uuid(expects('the next of an earlier answer')).optional(),
  })
  .transform(({ limit = DEFAULT_BATCHES, cursor, ...filter }) => ({
    filter: defined(filter),
    limit,
    ...(cursor !== undefined && { cursor }),
  }));

export type BatchListQuery = z.output<typeof batchListQuery>;
