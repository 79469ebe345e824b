import { z } from 'zod';
import { answerOf, count, isoTime, jobStates, listOf, uuid } from '../job/index.js';
import { attentionCodes, type AttentionItem } from './attention.js';
import type { JobWaiting } from './job-waiting.js';
import type { History } from './queue-history.js';
import { waitingCodes } from './waiting-reasons.js';

const minutes = listOf(count);

/** The flows of every queue. */
export const historyAnswer = answerOf<History>()(
  z
    .strictObject({
      from: isoTime.meta({ description: 'When the first minute began' }),
      minutes: count,
      queues: listOf(
        z
          .strictObject({
            name: z.string(),
            enqueued: minutes,
            done: minutes,
            failed: minutes,
            canceled: minutes,
          })
          .meta({ id: 'QueueHistory' }),
      ),
    })
    .meta({ id: 'History' }),
);

/** What needs attention first. */
export const attentionAnswer = answerOf<{ readonly items: readonly AttentionItem[] }>()(
  z
    .strictObject({
      items: listOf(
        z
          .strictObject({
            code: z.enum(attentionCodes),
            severity: z.enum(['critical', 'warning']),
            title: z.string().meta({ description: 'What is wrong, in a line' }),
            detail: z.string().meta({ description: 'What that means, and what to do' }),
            queue: z.string().nullable(),
            name: z.string().nullable().meta({ description: 'The job type' }),
            workerId: uuid.nullable(),
            since: isoTime.nullable(),
          })
          .meta({ id: 'AttentionItem' }),
      ),
    })
    .meta({ id: 'Attention' }),
);

/** Why a job waits. */
export const waitingAnswer = answerOf<JobWaiting>()(
  z
    .strictObject({
      id: uuid,
      status: z.enum(jobStates),
      reasons: listOf(
        z.strictObject({ code: z.enum(waitingCodes), text: z.string() }).meta({ id: 'WaitingReason' }),
      ),
    })
    .meta({ id: 'JobWaiting' }),
);
