import { SchedulerModule } from '../modules/scheduler/index.js';
import { HealthModule } from '../modules/status/index.js';
import { WorkerModule } from '../modules/worker/index.js';

/** Runs jobs, and is ready to hold the duties should no scheduler be there. */
export const workerEntry = [HealthModule, SchedulerModule, WorkerModule];
