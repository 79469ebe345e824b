import { Body, Delete, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import { z } from 'zod';
import { Needs } from '../../access/index.js';
import {
  Answer,
  BodyLimit,
  CheckedBy,
  Describes,
  LARGEST_JOB_BODY,
  RestController,
} from '../../job/index.js';
import type { PreviewedFire, ScheduleView } from '../schedule.js';
import { ScheduleService, type FireView } from '../schedule.service.js';
import {
  exampleSchedule,
  previewAnswer,
  scheduleAnswer,
  scheduleWithFiresAnswer,
  schedulesAnswer,
  triggerAnswer,
} from './schedule-answers.dto.js';
import { previewQuery, scheduleRequest, type RequestedSchedule } from './schedule-request.dto.js';

const params = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9:_.-]{1,64}$/)
    .meta({ description: 'The name of a schedule', examples: ['nightly'] }),
};
const schedule = (about: string) => ({ about, schema: scheduleAnswer, example: exampleSchedule });
const exampleId = '01a2032b-446a-7000-a9ed-1f3052fea691';

/** Schedules: made, changed, paused, triggered and looked at. */
@RestController('schedule')
export class ScheduleController {
  constructor(
    private readonly schedules: ScheduleService,
    private readonly answer: Answer,
  ) {}

  @Get()
  @Needs('read')
  @Describes({
    tag: 'schedules',
    summary: 'Every schedule, by name',
    answers: {
      200: { about: 'The schedules', schema: schedulesAnswer, example: { schedules: [exampleSchedule] } },
    },
  })
  async list(): Promise<{ readonly schedules: readonly ScheduleView[] }> {
    return { schedules: await this.schedules.list() };
  }

  @Get(':name')
  @Needs('read')
  @Describes({
    tag: 'schedules',
    summary: 'One schedule with its last fires',
    params,
    answers: {
      200: {
        about: 'The schedule',
        schema: scheduleWithFiresAnswer,
        example: {
          ...exampleSchedule,
          fires: [
            {
              fireAt: '2026-01-31T01:00:00.000Z',
              firedAt: '2026-01-31T01:00:00.042Z',
              jobId: exampleId,
              manual: false,
            },
          ],
        },
      },
    },
    errors: ['no_such_schedule'],
  })
  read(@Param('name') name: string): Promise<ScheduleView & { readonly fires: readonly FireView[] }> {
    return this.schedules.get(name);
  }

  @Put(':name')
  @Needs('admin')
  @Describes({
    tag: 'schedules',
    summary: 'Make a schedule, or change it',
    about: 'Exactly one of `cron` and `every` says when it fires. It holds from the next fire on.',
    params,
    bodyExample: {
      cron: '0 2 * * *',
      timeZone: 'Europe/Berlin',
      job: 'example:job',
      payload: { param: 'x' },
    },
    answers: { 200: schedule('It is changed'), 201: schedule('It is made') },
    errors: ['invalid_payload', 'schedule_in_code', 'unknown_job_name'],
  })
  @BodyLimit(LARGEST_JOB_BODY)
  async put(
    @Param('name') name: string,
    @Body(new CheckedBy(scheduleRequest)) request: RequestedSchedule,
    @Res({ passthrough: true }) response: unknown,
  ): Promise<ScheduleView> {
    const { view, isNew } = await this.schedules.put(name, request);
    this.answer.status(response, isNew ? 201 : 200);
    return view;
  }

  @Delete(':name')
  @Needs('admin')
  @Describes({
    tag: 'schedules',
    summary: 'Remove a schedule',
    about: 'Its jobs stay.',
    params,
    answers: { 204: { about: 'It is gone' } },
    errors: ['no_such_schedule', 'schedule_in_code'],
  })
  @HttpCode(204)
  remove(@Param('name') name: string): Promise<void> {
    return this.schedules.remove(name);
  }

  @Post(':name/pause')
  @Needs('operate')
  @Describes({
    tag: 'schedules',
    summary: 'Keep a schedule from firing',
    params,
    answers: { 200: schedule('How it is now') },
    errors: ['no_such_schedule'],
  })
  @HttpCode(200)
  pause(@Param('name') name: string): Promise<ScheduleView> {
    return this.schedules.setPaused(name, true);
  }

  @Post(':name/resume')
  @Needs('operate')
  @Describes({
    tag: 'schedules',
    summary: 'Let a schedule fire again',
    about: 'What it would have fired meanwhile is not made up for.',
    params,
    answers: { 200: schedule('How it is now') },
    errors: ['no_such_schedule'],
  })
  @HttpCode(200)
  resume(@Param('name') name: string): Promise<ScheduleView> {
    return this.schedules.setPaused(name, false);
  }

  @Post(':name/trigger')
  @Needs('operate')
  @Describes({
    tag: 'schedules',
    summary: 'Enqueue the job of a schedule now',
    about: 'Beside its fires.',
    params,
    answers: { 201: { about: 'The job is stored', schema: triggerAnswer, example: { jobId: exampleId } } },
    errors: ['clock_skew', 'duplicate_job', 'invalid_payload', 'no_such_schedule', 'unknown_job_name'],
  })
  async trigger(@Param('name') name: string): Promise<{ readonly jobId: string }> {
    return { jobId: await this.schedules.trigger(name) };
  }

  @Get(':name/preview')
  @Needs('read')
  @Describes({
    tag: 'schedules',
    summary: 'The next fires of a schedule',
    params,
    answers: {
      200: {
        about: 'The fires',
        schema: previewAnswer,
        example: { fires: [{ fireAt: '2026-02-01T01:00:00.000Z', local: '2026-02-01T02:00:00' }] },
      },
    },
    errors: ['no_such_schedule'],
  })
  async preview(
    @Param('name') name: string,
    @Query(new CheckedBy(previewQuery)) { count }: z.output<typeof previewQuery>,
  ): Promise<{ readonly fires: readonly PreviewedFire[] }> {
    return { fires: await this.schedules.preview(name, count) };
  }
}
