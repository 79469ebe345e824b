import { JobRestModule } from '../modules/job/index.js';
import { HealthModule, StatusModule } from '../modules/status/index.js';

/** Takes jobs and answers for them. */
export const jobEntry = [HealthModule, JobRestModule, StatusModule];
