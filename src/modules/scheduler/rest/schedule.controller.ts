import { Body, Delete, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { z } from 'zod';
import { Answer, BodyLimit, CheckedBy, LARGEST_JOB_BODY, RestController } from '../../job/index.js';
import type { PreviewedFire, ScheduleView } from '../schedule.js';
import { ScheduleService, type FireView } from '../schedule.service.js';
import { previewQuery, scheduleRequest, type RequestedSchedule } from './schedule-request.dto.js';

/** Schedules: made, changed, paused, triggered and looked at. */
@RestController('schedule')
export class ScheduleController {
  constructor(
    private readonly schedules: ScheduleService,
    private readonly answer: Answer,
  ) {}

  @Get()
  async list(): Promise<{ readonly schedules: readonly ScheduleView[] }> {
    return { schedules: await this.schedules.list() };
  }

  @Get(':name')
  read(@Param('name') name: string): Promise<ScheduleView & { readonly fires: readonly FireView[] }> {
    return this.schedules.get(name);
  }

  @Put(':name')
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
  @HttpCode(204)
  remove(@Param('name') name: string): Promise<void> {
    return this.schedules.remove(name);
  }

  @Post(':name/pause')
  @HttpCode(200)
  pause(@Param('name') name: string): Promise<ScheduleView> {
    return this.schedules.setPaused(name, true);
  }

  @Post(':name/resume')
  @HttpCode(200)
  resume(@Param('name') name: string): Promise<ScheduleView> {
    return this.schedules.setPaused(name, false);
  }

  @Post(':name/trigger')
  async trigger(@Param('name') name: string): Promise<{ readonly jobId: string }> {
    return { jobId: await this.schedules.trigger(name) };
  }

  @Get(':name/preview')
  async preview(
    @Param('name') name: string,
    @Query(new CheckedBy(previewQuery)) { count }: z.output<typeof previewQuery>,
  ): Promise<{ readonly fires: readonly PreviewedFire[] }> {
    return { fires: await this.schedules.preview(name, count) };
  }
}
