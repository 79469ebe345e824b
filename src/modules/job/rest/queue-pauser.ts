import { Inject, Injectable } from '@nestjs/common';
import { RookeryError } from '../../../kernel/errors.js';
import { Database } from '../../database/index.js';
import { TRANSPORT, type Transport } from '../../transport/index.js';
import { JobRegistry } from '../job.registry.js';
import { Queues } from '../queues.js';
import { controlQuery } from '../repository/query.js';
import { setPaused } from '../repository/queue.repository.js';

const QUEUE_NAME = /^[a-z0-9_-]{1,64}$/;

/** Whether a queue is paused, and since when. */
export interface PausedQueue {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedAt: string | null;
}

/** Pauses and resumes queues: the row tells every worker with its next look, a signal tells it at once. */
@Injectable()
export class QueuePauser {
  constructor(
    private readonly database: Database,
    private readonly queues: Queues,
    private readonly registry: JobRegistry,
    @Inject(TRANSPORT) private readonly transport: Transport,
  ) {}

  /** Throws `no_such_queue` for a queue that has no job and no job type here. */
  async setPaused(name: string, isPaused: boolean): Promise<PausedQueue> {
    if (this.registry.queues.includes(name)) await this.queues.ensure(name);
    const queue = QUEUE_NAME.test(name)
      ? await setPaused(controlQuery(this.database.control), name, isPaused)
      : undefined;
    if (!queue) {
      const known = this.registry.queues.join(', ');
      throw new RookeryError(
        'no_such_queue',
        `there is no queue named ${JSON.stringify(name)}; known here: ${known || 'none'}`,
        { name },
      );
    }
    this.transport.broadcast({ kind: isPaused ? 'pause' : 'resume', queue: name });
    return { name, paused: queue.pausedAt !== null, pausedAt: queue.pausedAt?.toISOString() ?? null };
  }
}
