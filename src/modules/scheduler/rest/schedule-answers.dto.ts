import { z } from 'zod';
import type { Json } from '../../../kernel/json.js';
import { answerOf, count, isoTime, listOf, uuid } from '../../job/index.js';
import type { PreviewedFire, ScheduleView } from '../schedule.js';
import type { FireView } from '../schedule.service.js';

const schedule = z.strictObject({
  name: z.string(),
  source: z
    .enum(['code', 'api'])
    .meta({ description: 'Whether `@Scheduled` declares it, or it was made over REST' }),
  cron: z.string().nullable(),
  everyMs: count.nullable(),
  timeZone: z.string(),
  job: z.string().meta({ description: 'The job type it enqueues' }),
  payload: z.custom<Json>(),
  catchUp: z.union([z.literal('skip'), z.literal('latest'), z.strictObject({ all: z.number() })]),
  jitterMs: count,
  startAt: isoTime.nullable(),
  endAt: isoTime.nullable(),
  paused: z.boolean(),
  orphaned: z.boolean().meta({
    description: 'True for one from code that no process has in its code any more: it does not fire',
  }),
  lastFireAt: isoTime.nullable(),
  nextFireAt: isoTime.nullable(),
  error: z.string().nullable().meta({ description: 'Why its last fire could not be done yet' }),
});

/** One schedule. */
export const scheduleAnswer = answerOf<ScheduleView>()(schedule.meta({ id: 'Schedule' }));

/** Every schedule. */
export const schedulesAnswer = z
  .strictObject({ schedules: listOf(scheduleAnswer) })
  .meta({ id: 'Schedules' });

/** One schedule with its last fires. */
export const scheduleWithFiresAnswer = answerOf<ScheduleView & { readonly fires: readonly FireView[] }>()(
  schedule
    .extend({
      fires: listOf(
        z.strictObject({ fireAt: isoTime, firedAt: isoTime, jobId: uuid, manual: z.boolean() }),
      ).meta({ description: 'The last, newest first' }),
    })
    .meta({ id: 'ScheduleWithFires' }),
);

/** The fires to come. */
export const previewAnswer = answerOf<{ readonly fires: readonly PreviewedFire[] }>()(
  z
    .strictObject({
      fires: listOf(
        z.strictObject({
          fireAt: isoTime,
          local: z.string().meta({ description: 'As the clocks of its zone show it' }),
          note: z.exactOptional(z.string()).meta({ description: 'What a change of clocks does to it' }),
        }),
      ),
    })
    .meta({ id: 'Preview' }),
);

/** The job that was enqueued. */
export const triggerAnswer = z.strictObject({ jobId: uuid }).meta({ id: 'Triggered' });

/** A schedule as examples show it. */
export const exampleSchedule = {
  name: 'nightly',
  source: 'api',
  cron: '0 2 * * *',
  everyMs: null,
  timeZone: 'Europe/Berlin',
  job: 'example:job',
  payload: { param: 'night' },
  catchUp: 'latest',
  jitterMs: 0,
  startAt: null,
  endAt: null,
  paused: false,
  orphaned: false,
  lastFireAt: '2026-01-31T01:00:00.000Z',
  nextFireAt: '2026-02-01T01:00:00.000Z',
  error: null,
};
