import { z } from 'zod';
import { batchStates, type BatchView } from '../batch.js';
import { answerOf, count, isoTime, listOf, uuid } from './openapi/answer-of.js';

/** One batch. */
export const batchAnswer = answerOf<BatchView>()(
  z
    .strictObject({
      id: uuid,
      key: z.string().nullable(),
      name: z.string().meta({ description: 'The job type it was made for' }),
      queue: z.string(),
      status: z.enum(batchStates),
      total: count.meta({ description: 'Members so far' }),
      done: count,
      failed: count,
      canceled: count,
      onComplete: z
        .string()
        .nullable()
        .meta({ description: 'The job type that is enqueued when it completes' }),
      onCompleteJobId: z.string().nullable().meta({ description: 'The job that was made when it completed' }),
      createdAt: isoTime,
      deadlineAt: isoTime.nullable(),
      sealedAt: isoTime.nullable(),
      canceledAt: isoTime.nullable(),
      completedAt: isoTime.nullable(),
    })
    .meta({ id: 'Batch', description: 'A set of jobs with counters, a deadline and one completion' }),
);

/** A page of batches. */
export const batchListAnswer = z
  .strictObject({
    batches: listOf(batchAnswer),
    next: z.string().nullable().meta({ description: 'The cursor of the next page; null on the last' }),
  })
  .meta({ id: 'BatchList' });

/** A batch as examples show it. */
export const exampleBatch = {
  id: '01a2032b-446a-7000-a9ed-1f3052fea691',
  key: 'night-2026-01-31',
  name: 'example:job',
  queue: 'example-job',
  status: 'running',
  total: 3,
  done: 1,
  failed: 0,
  canceled: 0,
  onComplete: null,
  onCompleteJobId: null,
  createdAt: '2026-01-31T03:00:00.107Z',
  deadlineAt: null,
  sealedAt: '2026-01-31T03:00:00.107Z',
  canceledAt: null,
  completedAt: null,
};
