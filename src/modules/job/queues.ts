import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { addQueues } from './repository/queue.repository.js';
import { controlQuery } from './repository/query.js';

/** Keeps a row for every queue that gets a job, because the auditor and the rescuer go by those rows. */
@Injectable()
export class Queues {
  private readonly known = new Set<string>();

  constructor(private readonly database: Database) {}

  /** Makes sure that the queue has its row; costs nothing once this process knows so. */
  async ensure(name: string): Promise<void> {
    if (this.known.has(name)) return;
    await addQueues(controlQuery(this.database.control), [name]);
    this.known.add(name);
  }
}
