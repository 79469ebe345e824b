import { JobRestModule, OpenApiModule } from '../modules/job/index.js';
import { CronModule, ScheduleRestModule, SchedulerModule } from '../modules/scheduler/index.js';
import { DashboardModule, HealthModule, StatusModule } from '../modules/status/index.js';
import { WorkerModule } from '../modules/worker/index.js';
import { natsRequests } from './nats-requests.js';

/** Everything in one process. */
export const allEntry = [
  HealthModule,
  JobRestModule,
  OpenApiModule,
  StatusModule,
  DashboardModule,
  natsRequests,
  ScheduleRestModule,
  SchedulerModule,
  CronModule,
  WorkerModule,
];
