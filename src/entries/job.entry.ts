import { JobRestModule, OpenApiModule } from '../modules/job/index.js';
import { ScheduleRestModule } from '../modules/scheduler/index.js';
import { HealthModule, StatusModule } from '../modules/status/index.js';
import { natsRequests } from './nats-requests.js';

/** Takes jobs and answers for them, over HTTP and NATS. */
export const jobEntry = [
  HealthModule,
  JobRestModule,
  OpenApiModule,
  ScheduleRestModule,
  StatusModule,
  natsRequests,
];
