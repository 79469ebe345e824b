import { Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { IdGenerator } from '../../kernel/ids.js';
import { Database } from '../database/index.js';
import { BatchService } from './batch.service.js';
import { JobEnqueuer } from './job-enqueuer.js';
import { JobEndings } from './job-endings.js';
import { JobExplorer } from './job.explorer.js';
import { JobRegistry } from './job.registry.js';
import { JobService } from './job.service.js';
import { Partitions } from './partitions.js';
import { Queues } from './queues.js';

const services = [JobRegistry, JobEnqueuer, JobEndings, JobService, Partitions, Queues];

/** Job types, their storage and the service that enqueues them; global, because every module is about jobs. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    ...services,
    JobExplorer,
    { provide: BatchService, inject: [JobService], useFactory: (jobs: JobService) => jobs.batches },
    {
      provide: IdGenerator,
      inject: [Database],
      useFactory: (database: Database) => new IdGenerator(database.clock),
    },
  ],
  exports: [...services, BatchService, IdGenerator],
})
export class JobModule {}
