import { z } from 'zod';
import type { Json } from '../../../kernel/json.js';
import { freshLanes } from '../../transport/index.js';
import type { JobView } from '../job-view.js';
import { jobStates, type JobState } from '../state-machine.js';
import type { BulkCancel, BulkChange } from './bulk-changer.js';
import type { JobList } from './job-lister.js';
import type { JobLog } from './job-lookup.js';
import { answerOf, count, isoTime, listOf, uuid, type Wire } from './openapi/answer-of.js';
import type { PausedQueue, SetQueue } from './queue-changer.js';
import type { QueueSettingsView } from '../queue-settings-view.js';

const json = (description: string) => z.custom<Json>().meta({ description });
const exampleId = '01a2032b-446a-7000-a9ed-1f3052fea691';
const workerId = '01a20320-67a0-7000-a431-5941220d8023';

const state = z.enum(jobStates);

const historyEntry = z.strictObject({
  run: count,
  attempt: count,
  outcome: z.enum(['failed', 'canceled', 'snoozed', 'interrupted', 'lost']),
  worker: z.string(),
  startedAt: isoTime,
  endedAt: isoTime,
  error: z.exactOptional(
    z.strictObject({
      code: z.exactOptional(z.string()),
      message: z.string(),
      stack: z.exactOptional(z.string()),
    }),
  ),
});

/** One job in full. */
export const jobAnswer = answerOf<JobView>()(
  z
    .strictObject({
      id: uuid,
      name: z.string().meta({ description: 'Its job type' }),
      queue: z.string(),
      lane: z.enum(freshLanes),
      status: state,
      attempt: count.meta({ description: 'Attempts charged so far' }),
      maxAttempts: count,
      run: count.meta({ description: 'Rises by one with every run and never falls' }),
      payload: json('What its job type says'),
      result: json('What the handler returned; null until the job is done').nullable(),
      history: listOf(historyEntry).meta({
        description: 'The last 20 runs that did not succeed, oldest first',
      }),
      progress: json('`{fraction, note?}` as the handler last showed it').nullable(),
      objectId: z.string().nullable(),
      batchId: uuid.nullable(),
      schedule: z.string().nullable(),
      retryOf: uuid.nullable().meta({ description: 'The job this one repeats by hand' }),
      workerId: z.string().nullable().meta({ description: 'Who runs it, or ran it last' }),
      timeoutMs: count
        .nullable()
        .meta({ description: 'Its own timeout; 0 for none, null when that of its type or queue applies' }),
      createdAt: isoTime,
      dueAt: isoTime.nullable().meta({ description: 'It does not run before; null when it may at once' }),
      startedAt: isoTime.nullable(),
      cancelRequestedAt: isoTime.nullable().meta({
        description:
          'When somebody asked to cancel it; an executing job is told to stop, and may finish first',
      }),
      finishedAt: isoTime.nullable(),
    })
    .meta({ id: 'Job', description: 'One piece of work' }),
);

/** A job as examples show it. */
export const exampleJob = {
  id: exampleId,
  name: 'example:job',
  queue: 'example-job',
  lane: 'normal',
  status: 'failed',
  attempt: 1,
  maxAttempts: 1,
  run: 1,
  payload: { param: 'hello' },
  result: null,
  history: [
    {
      run: 1,
      attempt: 1,
      outcome: 'failed',
      worker: workerId,
      startedAt: '2026-01-31T03:00:00.120Z',
      endedAt: '2026-01-31T03:00:00.420Z',
      error: { message: 'the address does not answer' },
    },
  ],
  progress: null,
  objectId: null,
  batchId: null,
  schedule: null,
  retryOf: null,
  workerId,
  timeoutMs: null,
  createdAt: '2026-01-31T03:00:00.107Z',
  dueAt: null,
  startedAt: '2026-01-31T03:00:00.120Z',
  cancelRequestedAt: null,
  finishedAt: '2026-01-31T03:00:00.420Z',
};

/** A page of jobs. */
export const jobListAnswer = answerOf<JobList>()(
  z
    .strictObject({
      jobs: listOf(jobAnswer),
      next: z.string().nullable().meta({ description: 'The cursor of the next page; null on the last' }),
      scannedTo: z.exactOptional(isoTime).meta({
        description:
          'Where the page ended because it had read as many rows as one request may: jobs since then were all looked at',
      }),
    })
    .meta({ id: 'JobList' }),
);

/** A job's state and no more. */
export const jobStateAnswer = answerOf<{ readonly id: string; readonly status: JobState }>()(
  z.strictObject({ id: uuid, status: state }).meta({ id: 'JobState' }),
);

/** What a handler wrote. */
export const jobLogAnswer = answerOf<Wire<JobLog>>()(
  z
    .strictObject({
      id: uuid,
      lines: listOf(z.strictObject({ run: count, line: count, at: isoTime, message: z.string() })),
    })
    .meta({ id: 'JobLog' }),
);

/** The ids of many jobs, in the order they were sent. */
export const idsAnswer = z.strictObject({ ids: listOf(uuid) }).meta({ id: 'JobIds' });

const change = {
  matched: count.meta({ description: 'Jobs met that the filter names and that can be changed' }),
  changed: count,
  more: z.boolean().meta({ description: 'True when the request ended before every job was looked at' }),
  next: z
    .string()
    .nullable()
    .meta({ description: 'While there is more: the cursor to send the request again with' }),
};

/** What became of many jobs that were to be retried. */
export const bulkChangeAnswer = answerOf<BulkChange>()(z.strictObject(change).meta({ id: 'BulkChange' }));

/** What became of many jobs that were to be canceled. */
export const bulkCancelAnswer = answerOf<BulkCancel>()(
  z
    .strictObject({
      ...change,
      executing: count.meta({
        description: 'Of those changed, the ones that go on until their worker has stopped them',
      }),
    })
    .meta({ id: 'BulkCancel' }),
);

/** Whether a queue is paused. */
export const pausedQueueAnswer = answerOf<PausedQueue>()(
  z
    .strictObject({ name: z.string(), paused: z.boolean(), pausedAt: isoTime.nullable() })
    .meta({ id: 'PausedQueue' }),
);

/** What is set for a queue. */
export const queueSettingsAnswer = answerOf<QueueSettingsView>()(
  z
    .strictObject({
      concurrency: count.nullable(),
      retryConcurrency: count.nullable(),
      timeoutMs: count.nullable().meta({ description: '0 for none' }),
    })
    .meta({
      id: 'QueueSettings',
      description: 'What was set for a queue; null where each process goes by its own configuration',
    }),
);

/** A queue whose settings were changed. */
export const setQueueAnswer = answerOf<SetQueue>()(
  z.strictObject({ name: z.string(), settings: queueSettingsAnswer }).meta({ id: 'SetQueue' }),
);
