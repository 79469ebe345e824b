import { z } from 'zod';
import { answerOf, count, isoTime, listOf, queueSettingsAnswer, uuid } from '../job/index.js';
import type { Diagnosis } from './diagnosis-reader.js';
import type { QueueView } from './queue-reader.js';
import type { StatusTotals } from './status-reader.js';
import type { WorkerView } from './worker-list.js';

const counts = {
  processed: count.meta({ description: 'Done and failed' }),
  done: count,
  failed: count,
  canceled: count,
  waiting: count,
  executing: count,
};

/** The totals. */
export const statusAnswer = answerOf<StatusTotals>()(
  z
    .strictObject({
      ...counts,
      queues: listOf(z.strictObject({ ...counts, name: z.string() })),
      unservedTypes: listOf(z.strictObject({ name: z.string(), queue: z.string(), waiting: count })).meta({
        description: 'Job types that no live worker runs: their jobs wait',
      }),
    })
    .meta({ id: 'Status' }),
);

/** Every queue. */
export const queuesAnswer = answerOf<{ readonly queues: readonly QueueView[] }>()(
  z
    .strictObject({
      queues: listOf(
        z
          .strictObject({
            name: z.string(),
            paused: z.boolean(),
            pausedAt: isoTime.nullable(),
            settings: queueSettingsAnswer,
            ...counts,
            oldestWaitingMs: count
              .nullable()
              .meta({ description: 'For how long the job that has waited longest could have run' }),
            perMinute: z
              .strictObject({
                enqueued: z.number(),
                done: z.number(),
                failed: z.number(),
                canceled: z.number(),
              })
              .meta({ description: 'Averages of the last whole minute and what has passed of this one' }),
          })
          .meta({ id: 'Queue' }),
      ),
    })
    .meta({ id: 'Queues' }),
);

/** The workers that live. */
export const workersAnswer = answerOf<{ readonly workers: readonly WorkerView[] }>()(
  z
    .strictObject({
      workers: listOf(
        z
          .strictObject({
            id: z.string(),
            host: z.string(),
            pid: count,
            entry: z.string(),
            queues: listOf(z.string()),
            types: listOf(z.string()),
            slots: count.meta({ description: 'Jobs it can run at once' }),
            busy: count,
            stuck: count.meta({ description: 'Slots whose run was settled while its handler goes on' }),
            draining: z.boolean().meta({ description: 'True when it takes no more jobs, or is about to' }),
            slotsByQueue: z.record(z.string(), z.unknown()),
            startedAt: isoTime,
            seenAt: isoTime,
          })
          .meta({ id: 'Worker' }),
      ),
    })
    .meta({ id: 'Workers' }),
);

/** What was asked of a worker. */
export const drainAnswer = z.strictObject({ id: uuid, draining: z.literal(true) }).meta({ id: 'Draining' });

const parts = z.record(
  z.string(),
  z.strictObject({ isLive: z.boolean(), isReady: z.boolean(), detail: z.string() }),
);

/** What a process and its database are. */
export const diagnosisAnswer = answerOf<Diagnosis>()(
  z
    .strictObject({
      version: z.string().meta({ description: 'Of Rookery' }),
      node: z.string(),
      at: isoTime.meta({ description: "By the clock of the process's machine" }),
      clockOffsetMs: z
        .int()
        .meta({ description: "How far the database's clock is ahead of that; it is allowed for" }),
      database: z.strictObject({
        version: z.string(),
        embedded: z.boolean(),
        pendingMigrations: listOf(z.string()),
        unknownMigrations: listOf(z.string()).meta({ description: 'Of a newer Rookery' }),
      }),
      parts,
    })
    .meta({ id: 'Diagnosis' }),
);

/** What a health route answers: the whole, and each part by name. */
export const healthAnswer = z
  .strictObject({
    status: z.enum(['up', 'down']),
    parts: z.record(
      z.string(),
      z.strictObject({ isLive: z.boolean(), isReady: z.boolean(), detail: z.string() }),
    ),
  })
  .meta({ id: 'Health' });

/** The same as a type. */
export type HealthAnswer = z.output<typeof healthAnswer>;
