import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, PUBLISHER, type Clock, type Publisher } from '../../index.js';

const statuses = { created: 'processing', finished: 'finished', cancelled: 'cancelled' } as const;

/** Tells other services by `job:created`, `job:finished` and `job:cancelled` what becomes of objects, where NATS is there. */
@Injectable()
export class ObjectAnnouncer {
  constructor(
    @Inject(PUBLISHER) private readonly publisher: Publisher,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** At least once each: a run that is repeated tells again. */
  announce(event: keyof typeof statuses, jobId: string, objectId: string): void {
    this.publisher.publish(`job:${event}`, {
      job_id: jobId,
      object_id: objectId,
      status: statuses[event],
      timestamp: new Date(this.clock.now()).toISOString(),
    });
  }
}
