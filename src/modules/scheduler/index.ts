export { SchedulerModule } from './scheduler.module.js';
export { CronModule } from './cron.module.js';
export { ScheduleRestModule } from './rest/schedule-rest.module.js';
export type { CatchUp, ScheduleDefinition } from './schedule.js';
export { Scheduled, type ScheduledOptions } from './scheduled.decorator.js';
