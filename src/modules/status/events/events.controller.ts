import { Get, Query, Res } from '@nestjs/common';
import { Needs } from '../../access/index.js';
import { CheckedBy, Describes, RestController } from '../../job/index.js';
import { EventHub, type EventFilter } from './event-hub.js';
import { eventsQuery } from './events-query.dto.js';

/** Tells what happens, as it happens. */
@RestController('events')
export class EventsController {
  constructor(private readonly hub: EventHub) {}

  @Get()
  @Needs('read')
  @Describes({
    tag: 'status',
    summary: 'What happens, as server-sent events',
    about:
      'Begins with how things are. `jobId=` tells every step of these jobs in order (`event: job`, data `{id, status, run, attempt?, progress?}`), ' +
      '`batchId=` the batches with their counts (`event: batch`), `queue=` the queues whose counts have changed (`event: queue`); without any of ' +
      'them all queues are told, and the workers in sum (`event: workers`). Whoever connects again is told how things are then. A reader ' +
      'that falls 256 KiB behind is cut off. A comment every 15 s keeps proxies from ending a silent stream.',
    answers: { 200: { about: 'The events', mediaType: 'text/event-stream' } },
    errors: ['no_such_batch', 'no_such_job', 'no_such_queue', 'overloaded'],
  })
  async events(
    @Query(new CheckedBy(eventsQuery)) filter: EventFilter,
    @Res() response: unknown,
  ): Promise<void> {
    await this.hub.watch(response, filter);
  }
}
