import { JobRestModule, OpenApiModule } from '../modules/job/index.js';
import { ScheduleRestModule } from '../modules/scheduler/index.js';
import { DashboardModule, HealthModule, StatusModule } from '../modules/status/index.js';

/** The same API as the job entry's, for people who look, so that they do not compete with those who submit. */
export const statusEntry = [
  HealthModule,
  JobRestModule,
  OpenApiModule,
  ScheduleRestModule,
  StatusModule,
  DashboardModule,
];
