import { Module } from '@nestjs/common';
import { Worker } from './worker.js';

/** Runs jobs in this process. */
@Module({ providers: [Worker] })
export class WorkerModule {}
