import { Module } from '@nestjs/common';
import { STATUS_TOTALS } from '../job/index.js';
import { EventHub } from './events/event-hub.js';
import { EventsController } from './events/events.controller.js';
import { AttentionReader } from './attention-reader.js';
import { DiagnosisReader } from './diagnosis-reader.js';
import { JobWaitingReader } from './job-waiting.js';
import { QueueHistoryReader } from './queue-history.js';
import { QueueMetrics } from './queue-metrics.js';
import { QueueReader } from './queue-reader.js';
import { StatusReader } from './status-reader.js';
import { StatusController } from './status.controller.js';
import { WorkerList } from './worker-list.js';

/** What one looks at to know how the whole is doing. Needs JobModule and the transport. */
@Module({
  controllers: [EventsController, StatusController],
  providers: [
    AttentionReader,
    DiagnosisReader,
    EventHub,
    JobWaitingReader,
    QueueHistoryReader,
    QueueMetrics,
    QueueReader,
    StatusReader,
    WorkerList,
    { provide: STATUS_TOTALS, useExisting: StatusReader },
  ],
  exports: [STATUS_TOTALS],
})
export class StatusModule {}
