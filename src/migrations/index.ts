import type { MigrationInterface } from 'typeorm';
import { CreateJobTables1700000000001 } from './0001-create-job-tables.js';
import { CreateSchedules1700000000002 } from './0002-create-schedules.js';
import { CreateBatches1700000000003 } from './0003-create-batches.js';
import { AddWorkerDrain1700000000004 } from './0004-add-worker-drain.js';
import { AddJobTrace1700000000005 } from './0005-add-job-trace.js';
import { AddQueueSettings1700000000006 } from './0006-add-queue-settings.js';

/** Every migration, oldest first. Append only: a migration that has been released never changes. */
export const migrations: (new () => MigrationInterface)[] = [
  CreateJobTables1700000000001,
  CreateSchedules1700000000002,
  CreateBatches1700000000003,
  AddWorkerDrain1700000000004,
  AddJobTrace1700000000005,
  AddQueueSettings1700000000006,
];
