import { Module, type NestModule } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { Answer } from './answer.js';
import { BatchController } from './batch.controller.js';
import { BulkChanger } from './bulk-changer.js';
import { BulkEnqueuer } from './bulk-enqueuer.js';
import { ChangeController } from './change.controller.js';
import { EnqueueController } from './enqueue.controller.js';
import { takeBodies } from './fastify-bodies.js';
import { JobLister } from './job-lister.js';
import { JobLookup } from './job-lookup.js';
import { JobWaits } from './job-waits.js';
import { LookupController } from './lookup.controller.js';
import { QueueController } from './queue.controller.js';
import { QueueChanger } from './queue-changer.js';
import { SessionController } from './session.controller.js';

/** The REST API of jobs and queues. Needs JobModule. */
@Module({
  controllers: [
    BatchController,
    EnqueueController,
    LookupController,
    ChangeController,
    QueueController,
    SessionController,
  ],
  providers: [Answer, BulkChanger, BulkEnqueuer, JobLister, JobLookup, JobWaits, QueueChanger],
  exports: [JobLookup],
})
export class JobRestModule implements NestModule {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  /** Called once the HTTP server is there and before any route is added; never in an application context, which has none. */
  configure(): void {
    const { httpAdapter } = this.adapterHost;
    if (httpAdapter.getType() === 'fastify') takeBodies((httpAdapter as FastifyAdapter).getInstance());
  }
}
