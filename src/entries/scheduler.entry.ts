import { CronModule, SchedulerModule } from '../modules/scheduler/index.js';
import { HealthModule } from '../modules/status/index.js';

/** Holds the duties and fires schedules. */
export const schedulerEntry = [HealthModule, SchedulerModule, CronModule];
