import { Inject, Injectable } from '@nestjs/common';
import { idTime } from '../../kernel/ids.js';
import { Database } from '../database/index.js';
import {
  allQueues,
  controlQuery,
  countsOf,
  minuteFlows,
  oldestWaiting,
  queueSettingsView,
  totals,
  walkQuery,
  type Counts,
  type MinuteFlow,
  type OldestWaiting,
  type QueueSettingsView,
} from '../job/index.js';
import { TRANSPORT, freshLanes, type Transport } from '../transport/index.js';
import { groupByQueue } from './group-by-queue.js';
import { byQueue } from './status-reader.js';

const MINUTE_MS = 60_000;

/**
 * Most rows read above a queue's watermark to find its first waiting job. While workers keep up, those rows are finished ones of the
 * last minute, which may be a million.
 */
const MOST_ROWS = 10_000;

/** What flowed through a queue, averaged over the last whole minute and what has passed of this one. */
export interface Rates {
  readonly enqueued: number;
  readonly done: number;
  readonly failed: number;
  readonly canceled: number;
}

/** One queue of `GET /queue`. */
export interface QueueView extends Counts {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedAt: string | null;
  /** What was set for it by hand. */
  readonly settings: QueueSettingsView;
  /** How long the job that has waited longest could have run; null when none waits. */
  readonly oldestWaitingMs: number | null;
  readonly perMinute: Rates;
}

/** Lists queues with their depth, age and rates, from counters and by index. */
@Injectable()
export class QueueReader {
  constructor(
    private readonly database: Database,
    @Inject(TRANSPORT) private readonly transport: Transport,
  ) {}

  async queues(): Promise<QueueView[]> {
    const query = controlQuery(this.database.control);
    const nowMs = this.database.clock.now();
    const since = new Date((Math.floor(nowMs / MINUTE_MS) - 1) * MINUTE_MS);
    const [queues, rows, flows] = await Promise.all([
      allQueues(query),
      totals(query),
      minuteFlows(query, since),
    ]);
    const flowsOf = groupByQueue(flows);
    const counts = new Map(byQueue(rows).map((queue) => [queue.name, queue]));
    const waiting = queues.filter((queue) => (counts.get(queue.name)?.waiting ?? 0) > 0);
    const ages = await this.ages(waiting, nowMs);
    return queues.map(({ name, pausedAt, settings }) => ({
      name,
      paused: pausedAt !== null,
      pausedAt: pausedAt?.toISOString() ?? null,
      settings: queueSettingsView(settings),
      ...(counts.get(name) ?? countsOf([])),
      oldestWaitingMs: ages.get(name) ?? null,
      perMinute: ratesOf(flowsOf.get(name) ?? [], (nowMs - since.getTime()) / MINUTE_MS),
    }));
  }

  private async ages(
    queues: readonly { readonly name: string; readonly watermark: string }[],
    nowMs: number,
  ): Promise<Map<string, number>> {
    const ages = new Map<string, number>();
    if (queues.length === 0) return ages;
    for (const oldest of await oldestWaiting(walkQuery(this.database.dataSource), queues, MOST_ROWS)) {
      const sinceMs = Math.min(await this.freshSince(oldest), oldest.dueAt?.getTime() ?? Infinity);
      if (Number.isFinite(sinceMs)) ages.set(oldest.queue, Math.max(0, Math.round(nowMs - sinceMs)));
    }
    return ages;
  }

  /** When too many finished jobs lie before the first waiting one, its ticket tells, or at worst the last of those. */
  private async freshSince({ queue, freshId, isWaiting }: OldestWaiting): Promise<number> {
    if (freshId === null) return Infinity;
    if (isWaiting === true) return idTime(freshId);
    const tickets = await Promise.all(freshLanes.map((lane) => this.transport.oldestTicketAt(queue, lane)));
    if (tickets.some((ticket) => ticket.kind === 'unknown')) return idTime(freshId);
    return Math.min(...tickets.map((ticket) => (ticket.kind === 'at' ? ticket.at : Infinity)));
  }
}

function ratesOf(flows: readonly MinuteFlow[], minutes: number): Rates {
  const rate = (of: (flow: MinuteFlow) => number): number =>
    Math.round((flows.reduce((sum, flow) => sum + of(flow), 0) / minutes) * 10) / 10;
  return {
    enqueued: rate((flow) => flow.enqueued),
    done: rate((flow) => flow.done),
    failed: rate((flow) => flow.failed),
    canceled: rate((flow) => flow.canceled),
  };
}
