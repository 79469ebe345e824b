import type { Partitions } from '../../job/index.js';
import type { Duty } from '../duty.js';

/** Once an hour leaves hundreds of tries before a day is missing. */
const ROUND_MS = 3_600_000;

/** Makes the partitions of the next days ahead of time, so that no enqueue has to wait for one. */
export class PartitionKeeper implements Duty {
  readonly name = 'partition keeper';
  readonly everyMs = ROUND_MS;

  constructor(private readonly partitions: Partitions) {}

  begin(): void {}

  async runOnce(): Promise<boolean> {
    await this.partitions.ensureAhead();
    return false;
  }
}
