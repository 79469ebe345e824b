import { Inject, Injectable } from '@nestjs/common';
import { RookeryError } from '../../kernel/errors.js';
import { isUuid } from '../../kernel/ids.js';
import { Database } from '../database/index.js';
import { controlQuery } from '../job/index.js';
import { TRANSPORT, type Transport } from '../transport/index.js';
import { liveWorkers, requestDrain, type LiveWorker } from './worker-query.repository.js';

/** A worker as everyone outside sees it. */
export interface WorkerView {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly entry: string;
  readonly queues: readonly string[];
  readonly types: readonly string[];
  /** Jobs it can run at once. */
  readonly slots: number;
  readonly busy: number;
  /** Slots whose run was settled while its handler goes on. */
  readonly stuck: number;
  /** True when it takes no more jobs, or is about to. */
  readonly draining: boolean;
  /** Slots of each queue. */
  readonly slotsByQueue: Readonly<Record<string, unknown>>;
  readonly startedAt: string;
  readonly seenAt: string;
}

/** Lists the workers that live, and drains them. */
@Injectable()
export class WorkerList {
  constructor(
    private readonly database: Database,
    @Inject(TRANSPORT) private readonly transport: Transport,
  ) {}

  async workers(): Promise<WorkerView[]> {
    const workers = await liveWorkers(controlQuery(this.database.control));
    return workers.map(viewOf);
  }

  /**
   * Asks a worker to take no more jobs and finish what it holds; a process that only works ends then. Repeating it does nothing. Throws
   * `no_such_worker`, `invalid_id`.
   */
  async drain(id: string): Promise<void> {
    if (!isUuid(id))
      throw new RookeryError('invalid_id', `${JSON.stringify(id)} is no worker id; ids are UUIDs`, { id });
    if (!(await requestDrain(controlQuery(this.database.control), id))) {
      throw new RookeryError('no_such_worker', `no worker ${id} lives; GET /worker lists those that do`, {
        id,
      });
    }
    this.transport.broadcast({ kind: 'drain', workerId: id.toLowerCase() });
  }
}

function viewOf({ slots, isDrainWanted, startedAt, seenAt, ...worker }: LiveWorker): WorkerView {
  return {
    ...worker,
    slots: slots.total,
    busy: slots.busy,
    stuck: slots.stuck,
    draining: isDrainWanted || slots.isDraining === true,
    slotsByQueue: slots.queues ?? {},
    startedAt: startedAt.toISOString(),
    seenAt: seenAt.toISOString(),
  };
}
