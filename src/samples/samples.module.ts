import { Module, type DynamicModule } from '@nestjs/common';
import { RookeryModule, hasApi, type EntryName } from '../index.js';
import { CollectDealsHandler } from './deal/collect-deals-job.js';
import { DealJobHandler } from './deal/deal-job.js';
import { DealsClientModule } from './deal/deals-client.module.js';
import { ReportDealsHandler } from './deal/report-deals-job.js';
import { ExampleJobHandler } from './example-job.js';
import { HttpRequestHandler } from './http-request/http-request.js';
import { ObjectAnnouncerModule } from './object/object-announcer.module.js';
import { ObjectJobHandler } from './object/object-job.js';
import { ObjectController } from './object/object.controller.js';
import { PartitionsMaintenanceHandler } from './partitions-maintenance-job.js';
import { SAMPLE_ENTRIES, SamplePublisher } from './publisher/sample-publisher.js';

/** The sample job types, and in processes with the API the routes of `object`. To be imported last, since those are at the root. */
@Module({})
export class SamplesModule {
  static register(entries: readonly EntryName[]): DynamicModule {
    return {
      module: SamplesModule,
      imports: [
        ObjectAnnouncerModule,
        RookeryModule.forFeature([ExampleJobHandler, PartitionsMaintenanceHandler, HttpRequestHandler]),
        RookeryModule.forFeature([ObjectJobHandler], [ObjectAnnouncerModule]),
        RookeryModule.forFeature(
          [CollectDealsHandler, DealJobHandler, ReportDealsHandler],
          [DealsClientModule],
        ),
      ],
      providers: [SamplePublisher, { provide: SAMPLE_ENTRIES, useValue: entries }],
      controllers: hasApi(entries) ? [ObjectController] : [],
    };
  }
}
