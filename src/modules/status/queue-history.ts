import { Injectable } from '@nestjs/common';
import { Database } from '../database/index.js';
import { controlQuery, minuteFlows, type MinuteFlow } from '../job/index.js';
import { groupByQueue } from './group-by-queue.js';
import { SharedAnswer } from './shared-answer.js';

const MINUTE_MS = 60_000;

/** Longest history: rows a minute, a queue and a type are read, and a graph of more says no more. */
export const MOST_MINUTES = 180;

/** A graph of minutes changes no faster. */
const KEPT_MS = 5_000;

/** What flowed through a queue: one number a minute, oldest first; the last is the minute that runs. */
export interface QueueHistory {
  readonly name: string;
  readonly enqueued: readonly number[];
  readonly done: readonly number[];
  readonly failed: readonly number[];
  readonly canceled: readonly number[];
}

/** The answer of `GET /queue/history`. */
export interface History {
  /** When the first minute began. */
  readonly from: string;
  readonly minutes: number;
  readonly queues: readonly QueueHistory[];
}

type Flow = Exclude<keyof QueueHistory, 'name'>;

/** Tells the flows of every queue minute by minute, from counters; reads no job. */
@Injectable()
export class QueueHistoryReader {
  private readonly shared = new SharedAnswer(KEPT_MS, () => this.read());

  constructor(private readonly database: Database) {}

  /** The last `minutes` (1…180) of every queue that had any flow in the longest history. */
  async history(minutes: number): Promise<History> {
    const { from, queues } = await this.shared.get();
    const skipped = MOST_MINUTES - minutes;
    const last = (values: readonly number[]): readonly number[] => values.slice(skipped);
    return {
      from: new Date(from + skipped * MINUTE_MS).toISOString(),
      minutes,
      queues: queues.map(({ name, enqueued, done, failed, canceled }) => ({
        name,
        enqueued: last(enqueued),
        done: last(done),
        failed: last(failed),
        canceled: last(canceled),
      })),
    };
  }

  private async read(): Promise<{ readonly from: number; readonly queues: readonly QueueHistory[] }> {
    const thisMinute = Math.floor(this.database.clock.now() / MINUTE_MS) * MINUTE_MS;
    const from = thisMinute - (MOST_MINUTES - 1) * MINUTE_MS;
    const flows = await minuteFlows(controlQuery(this.database.control), new Date(from));
    return { from, queues: [...groupByQueue(flows)].map(([name, own]) => seriesOf(name, own, from)) };
  }
}

function seriesOf(name: string, flows: readonly MinuteFlow[], from: number): QueueHistory {
  const series = (of: Flow): number[] => {
    const values = Array.from({ length: MOST_MINUTES }, () => 0);
    for (const flow of flows) {
      // A database that has just begun a minute which this process's clock has not counts into the last one.
      const index = Math.min(MOST_MINUTES - 1, Math.round((flow.minute.getTime() - from) / MINUTE_MS));
      if (index >= 0) values[index] = (values[index] ?? 0) + flow[of];
    }
    return values;
  };
  return {
    name,
    enqueued: series('enqueued'),
    done: series('done'),
    failed: series('failed'),
    canceled: series('canceled'),
  };
}
