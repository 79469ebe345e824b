import { Module } from '@nestjs/common';
import { Answer } from '../../job/index.js';
import { ScheduleService } from '../schedule.service.js';
import { ScheduleController } from './schedule.controller.js';

/** The REST API of schedules. Needs JobModule; firing them is CronModule's. */
@Module({ controllers: [ScheduleController], providers: [Answer, ScheduleService] })
export class ScheduleRestModule {}
