import { Inject, Injectable } from '@nestjs/common';
import { QUEUE_NAME } from '../../../config/index.js';
import { RookeryError } from '../../../kernel/errors.js';
import { Database } from '../../database/index.js';
import { TRANSPORT, type Transport } from '../../transport/index.js';
import { JobRegistry } from '../job.registry.js';
import { queueSettingsView, type QueueSettingsView } from '../queue-settings-view.js';
import { Queues } from '../queues.js';
import { controlQuery, type Query } from '../repository/query.js';
import {
  changeQueueSettings,
  setPaused,
  type QueueSettingsChange,
  type QueueState,
} from '../repository/queue.repository.js';

/** Whether a queue is paused, and since when. */
export interface PausedQueue {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedAt: string | null;
}

/** What is set for a queue. */
export interface SetQueue {
  readonly name: string;
  readonly settings: QueueSettingsView;
}

/** Pauses, resumes and sets queues: the row tells every worker with its next heartbeat, a signal tells it at once. */
@Injectable()
export class QueueChanger {
  constructor(
    private readonly database: Database,
    private readonly queues: Queues,
    private readonly registry: JobRegistry,
    @Inject(TRANSPORT) private readonly transport: Transport,
  ) {}

  /** Throws `no_such_queue` for a queue that has no job and no job type here. */
  async setPaused(name: string, isPaused: boolean): Promise<PausedQueue> {
    const { pausedAt } = await this.change(name, (query) => setPaused(query, name, isPaused));
    this.transport.broadcast({ kind: isPaused ? 'pause' : 'resume', queue: name });
    return { name, paused: pausedAt !== null, pausedAt: pausedAt?.toISOString() ?? null };
  }

  /** Throws `no_such_queue` for a queue that has no job and no job type here. */
  async changeSettings(name: string, change: QueueSettingsChange): Promise<SetQueue> {
    const { settings } = await this.change(name, (query) => changeQueueSettings(query, name, change));
    this.transport.broadcast({ kind: 'settings', queue: name });
    return { name, settings: queueSettingsView(settings) };
  }

  private async change(
    name: string,
    change: (query: Query) => Promise<QueueState | undefined>,
  ): Promise<QueueState> {
    if (this.registry.queues.includes(name)) await this.queues.ensure(name);
    const queue = QUEUE_NAME.test(name) ? await change(controlQuery(this.database.control)) : undefined;
    if (queue) return queue;
    const known = this.registry.queues.join(', ');
    throw new RookeryError(
      'no_such_queue',
      `there is no queue named ${JSON.stringify(name)}; known here: ${known || 'none'}`,
      { name },
    );
  }
}
