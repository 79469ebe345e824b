import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { JobRegistry, controlQuery, countsOf, totals, type Counts, type Totals } from '../job/index.js';
import { groupByQueue } from './group-by-queue.js';
import { liveWorkers } from './worker-query.repository.js';

/** A job type that no live worker runs: its jobs wait. */
export interface UnservedType {
  readonly name: string;
  readonly queue: string;
  readonly waiting: number;
}

/** The answer of `GET /status`. */
export interface StatusTotals extends Counts {
  readonly queues: readonly (Counts & { readonly name: string })[];
  readonly unservedTypes: readonly UnservedType[];
}

/** Adds up the counters; never counts jobs. */
@Injectable()
export class StatusReader {
  constructor(
    private readonly database: Database,
    private readonly registry: JobRegistry,
  ) {}

  async status(): Promise<StatusTotals> {
    const query = controlQuery(this.database.control);
    const [rows, workers] = await Promise.all([totals(query), liveWorkers(query)]);
    const served = new Set(workers.flatMap((worker) => (worker.isDrainWanted ? [] : worker.types)));
    return { ...countsOf(rows), queues: byQueue(rows), unservedTypes: this.unserved(rows, served) };
  }

  /** Types known here and types with jobs to run, so that none is missed whichever process is asked. */
  private unserved(rows: readonly Totals[], served: ReadonlySet<string>): UnservedType[] {
    const types = new Map(this.registry.all.map(({ name, queue }) => [name, { name, queue, waiting: 0 }]));
    for (const { name, queue, waiting } of rows) {
      const known = types.get(name);
      if (waiting > 0) types.set(name, { name, queue, waiting: waiting + (known?.waiting ?? 0) });
    }
    return [...types.values()]
      .filter((type) => !served.has(type.name))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** The counts of each queue, by name. */
export function byQueue(rows: readonly Totals[]): (Counts & { readonly name: string })[] {
  return [...groupByQueue(rows)].map(([name, own]) => ({ name, ...countsOf(own) }));
}
