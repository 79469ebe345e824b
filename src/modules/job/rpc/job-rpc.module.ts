import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { JobRestModule } from '../rest/job-rest.module.js';
import { JobRequests } from './job-requests.js';
import { NatsRequests } from './nats-requests.js';

/** The requests over NATS; without NATS in the settings it does nothing. Needs JobModule. */
@Module({})
export class JobRpcModule {
  /** @param totals a module that exports `STATUS_TOTALS` */
  static register(totals: Type): DynamicModule {
    return {
      module: JobRpcModule,
      imports: [JobRestModule, totals],
      providers: [JobRequests, NatsRequests],
    };
  }
}
