import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { controlQuery } from '../job/index.js';
import { liveWorkers, type LiveWorker } from './worker-query.repository.js';

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
  /** Slots of each queue. */
  readonly slotsByQueue: Readonly<Record<string, unknown>>;
  readonly startedAt: string;
  readonly seenAt: string;
}

/** Lists the workers that live. */
@Injectable()
export class WorkerList {
  constructor(private readonly database: Database) {}

  async workers(): Promise<WorkerView[]> {
    const workers = await liveWorkers(controlQuery(this.database.control));
    return workers.map(viewOf);
  }
}

function viewOf({ slots, startedAt, seenAt, ...worker }: LiveWorker): WorkerView {
  return {
    ...worker,
    slots: slots.total,
    busy: slots.busy,
    stuck: slots.stuck,
    slotsByQueue: slots.queues ?? {},
    startedAt: startedAt.toISOString(),
    seenAt: seenAt.toISOString(),
  };
}
