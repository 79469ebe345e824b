import { z } from 'zod';
import { QUEUE_NAME } from '../../../config/index.js';
import { durationFromText, parseDuration } from '../../../kernel/durations.js';
import { isUuid } from '../../../kernel/ids.js';
import { expects, uuid } from '../../job/index.js';
import type { EventFilter } from './event-hub.js';

const MOST_JOBS = 100;
const MOST_BATCHES = 20;
const MOST_QUEUES = 20;
const LONGEST_MS = 3_600_000;

const id = uuid.refine(isUuid, { error: 'is no id; ids are UUIDs' });

/** One or several of a parameter: `?jobId=A&jobId=B`. */
const several = (one: z.ZodString, most: number, about: string) =>
  z
    .preprocess(
      (given) => (typeof given === 'string' ? [given] : given),
      z.array(one).max(most, expects(`at most ${most}`)),
    )
    .optional()
    .meta({ description: about });

const forRule = expects('1ms to 1h: milliseconds, or a number and a unit such as "30s"');

/** The query of a stream of events. */
export const eventsQuery = z
  .strictObject({
    jobId: several(id, MOST_JOBS, 'Ids of jobs'),
    batchId: several(id, MOST_BATCHES, 'Ids of batches'),
    queue: several(z.string().regex(QUEUE_NAME, expects('names of queues')), MOST_QUEUES, 'Names of queues'),
    for: z
      .string(forRule)
      .refine((text) => listenMs(text) >= 1 && listenMs(text) <= LONGEST_MS, forRule)
      .transform(listenMs)
      .optional()
      .meta({ description: 'When the stream ends; without it after an hour', examples: ['30s'] }),
  })
  .transform(({ jobId = [], batchId = [], queue = [], for: forMs }): EventFilter => ({
    jobs: unique(jobId),
    batches: unique(batchId),
    queues: unique(queue),
    ...(forMs !== undefined && { forMs }),
  }));

function listenMs(text: string): number {
  return parseDuration(durationFromText(text)) ?? Infinity;
}

/** Ids as they are stored, each once. */
function unique(texts: readonly string[]): string[] {
  return [...new Set(texts.map((text) => text.toLowerCase()))];
}
