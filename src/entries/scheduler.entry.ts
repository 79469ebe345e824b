import { SchedulerModule } from '../modules/scheduler/index.js';
import { HealthModule } from '../modules/status/index.js';

/** Holds the duties. */
export const schedulerEntry = [HealthModule, SchedulerModule];
