import { Inject, Injectable, Logger } from '@nestjs/common';
import { monotonicMs } from '../../../kernel/clock.js';
import { RookeryError } from '../../../kernel/errors.js';
import { Lifecycle } from '../../../kernel/lifecycle.js';
import { Metrics, type Cell } from '../../../kernel/metrics.js';
import { Database, reasonOf } from '../../database/index.js';
import {
  batchViewOf,
  batchesOf,
  controlQuery,
  noSuchBatch,
  noSuchJob,
  standingsOf,
  type BatchView,
  type StandingRow,
} from '../../job/index.js';
import { QueueReader, type QueueView } from '../queue-reader.js';
import { WorkerList, type WorkerView } from '../worker-list.js';
import { EventStream, eventText } from './event-stream.js';
import { stepsBetween } from './job-steps.js';
import { Topic } from './topic.js';

/** Most streams of this process; each is an open connection. */
const MOST_STREAMS = 5_000;
/** Ids of one statement. */
const IDS_A_READ = 1_000;
const JOB_PACE_MS = 250;
const WHOLE_PACE_MS = 1_000;
/** Proxies end what is silent for a minute. */
const HEARTBEAT_MS = 15_000;
/** A stream ends after this long, so that whoever watches shows a token again. */
const LONGEST_MS = 3_600_000;
const STOP_BUDGET_MS = 1_000;

/** The queue of those who watch them all, and the workers with them. */
const ALL = '*';

/** What a stream is about. */
export interface EventFilter {
  readonly jobs: readonly string[];
  readonly batches: readonly string[];
  readonly queues: readonly string[];
  /** How long it goes on; an hour when it does not say. */
  readonly forMs?: number;
}

interface Whole {
  readonly queues: readonly QueueView[];
  /** Of those who watch all queues. */
  readonly workers?: WorkersNow;
}

interface WorkersNow {
  readonly live: number;
  readonly slots: number;
  readonly busy: number;
  readonly stuck: number;
  readonly draining: number;
}

interface Open {
  readonly stream: EventStream;
  readonly untilMs: number;
}

/** Tells any number of streams what changes, from reads that they share. */
@Injectable()
export class EventHub {
  private readonly logger = new Logger('Events');
  private readonly open = new Set<Open>();
  private readonly dropped: Cell;
  private readonly jobs: Topic<StandingRow>;
  private readonly batches: Topic<BatchView>;
  private readonly whole: Topic<Whole>;
  private heartbeat: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly database: Database,
    private readonly queueReader: QueueReader,
    private readonly workerList: WorkerList,
    @Inject(Metrics) metrics: Metrics,
    @Inject(Lifecycle) lifecycle: Lifecycle,
  ) {
    metrics.value('rookery_event_streams', 'Streams of events that are open', () => this.open.size);
    this.dropped = metrics
      .counter('rookery_event_streams_dropped_total', 'Streams cut off because nobody read them')
      .of();
    const onError = (error: unknown): void =>
      this.logger.debug(`what is watched could not be read: ${reasonOf(error)}`);
    this.jobs = new Topic({
      paceMs: JOB_PACE_MS,
      read: (ids) => this.readJobs(ids),
      present: (job) => eventText('job', job),
      changes: changesOfJob,
      onError,
    });
    this.batches = new Topic({
      paceMs: JOB_PACE_MS,
      read: (ids) => this.readBatches(ids),
      present: (batch) => eventText('batch', batch),
      changes: (before, now) => (isSame(before, now) ? '' : eventText('batch', now)),
      onError,
    });
    this.whole = new Topic({
      paceMs: WHOLE_PACE_MS,
      read: (names) => this.readWhole(names),
      present: (now) => changesOfWhole({ queues: [] }, now),
      changes: changesOfWhole,
      onError,
    });
    lifecycle.register('unready', 'streams of events', STOP_BUDGET_MS, () => this.stop());
  }

  /**
   * Opens the stream with how things are, and tells it what changes until either side ends it. Throws `no_such_job`, `no_such_batch`,
   * `no_such_queue`, `overloaded` when too many are open, `shutting_down`; then nothing was sent.
   */
  async watch(response: unknown, filter: EventFilter): Promise<void> {
    if (this.isStopped) {
      throw new RookeryError(
        'shutting_down',
        'this process is shutting down; try again, another one may answer',
      );
    }
    if (this.open.size >= MOST_STREAMS) {
      throw new RookeryError('overloaded', `${MOST_STREAMS} streams of events are open; try again later`);
    }
    const stream = new EventStream(response, () => this.dropped.value++);
    const entry: Open = { stream, untilMs: monotonicMs() + LONGEST_MS };
    const isForAll = filter.jobs.length + filter.batches.length + filter.queues.length === 0;
    const queues = isForAll ? [ALL] : filter.queues;
    this.open.add(entry);
    this.heartbeat ??= setInterval(() => this.beat(), HEARTBEAT_MS).unref();
    const leave = (): void => {
      this.open.delete(entry);
      for (const id of filter.jobs) this.jobs.remove(id, stream);
      for (const id of filter.batches) this.batches.remove(id, stream);
      for (const name of queues) this.whole.remove(name, stream);
    };
    try {
      const present = await Promise.all([
        ...filter.jobs.map((id) => found(this.jobs.add(id, stream), () => noSuchJob(id))),
        ...filter.batches.map((id) => found(this.batches.add(id, stream), () => noSuchBatch(id))),
        ...queues.map((name) => found(this.whole.add(name, stream), () => noSuchQueue(name))),
      ]);
      stream.onClose(leave);
      stream.open(present.join(''));
    } catch (error) {
      leave();
      throw error;
    }
    if (this.isStopped) stream.end();
    if (filter.forMs !== undefined) endAfter(stream, filter.forMs);
  }

  private async readJobs(ids: readonly string[]): Promise<Map<string, StandingRow>> {
    const query = controlQuery(this.database.control);
    const rows = await inPortions(ids, (some) => standingsOf(query, some));
    return new Map(rows.map((row) => [row.id, row]));
  }

  private async readBatches(ids: readonly string[]): Promise<Map<string, BatchView>> {
    const query = controlQuery(this.database.control);
    const rows = await inPortions(ids, (some) => batchesOf(query, some));
    return new Map(rows.map((row) => [row.id, batchViewOf(row)]));
  }

  private async readWhole(names: readonly string[]): Promise<Map<string, Whole>> {
    const queues = await this.queueReader.queues();
    const whole = new Map<string, Whole>(queues.map((queue) => [queue.name, { queues: [queue] }]));
    if (names.includes(ALL)) whole.set(ALL, { queues, workers: sumOf(await this.workerList.workers()) });
    return whole;
  }

  private beat(): void {
    const nowMs = monotonicMs();
    for (const { stream, untilMs } of this.open) {
      if (nowMs >= untilMs) stream.end();
      else stream.push(': still here\n\n');
    }
  }

  private stop(): void {
    this.isStopped = true;
    clearInterval(this.heartbeat);
    for (const { stream } of this.open) stream.end();
  }
}

/** Each step the job has taken, then how far it has come. */
function changesOfJob(before: StandingRow, now: StandingRow): string {
  const steps = stepsBetween(before, now);
  if (steps.length === 0) return isSame(before, now) ? '' : eventText('job', now);
  return steps.map((step) => eventText('job', step)).join('');
}

function changesOfWhole(before: Whole, now: Whole): string {
  const known = new Map(before.queues.map((queue) => [queue.name, queue]));
  const changed = now.queues.filter(
    (queue) => !isSame(countsAlone(known.get(queue.name)), countsAlone(queue)),
  );
  const ofQueues = changed.map((queue) => eventText('queue', queue));
  if (now.workers === undefined || isSame(before.workers, now.workers)) return ofQueues.join('');
  return [...ofQueues, eventText('workers', now.workers)].join('');
}

/** A queue without what moves by itself as time passes. */
function countsAlone(queue: QueueView | undefined): object | undefined {
  return queue && { ...queue, oldestWaitingMs: undefined, perMinute: undefined };
}

function sumOf(workers: readonly WorkerView[]): WorkersNow {
  const sum = (of: (worker: WorkerView) => number): number =>
    workers.reduce((all, worker) => all + of(worker), 0);
  return {
    live: workers.length,
    slots: sum(({ slots }) => slots),
    busy: sum(({ busy }) => busy),
    stuck: sum(({ stuck }) => stuck),
    draining: workers.filter(({ draining }) => draining).length,
  };
}

function isSame(before: unknown, now: unknown): boolean {
  return JSON.stringify(before) === JSON.stringify(now);
}

async function found(text: Promise<string | undefined>, missing: () => Error): Promise<string> {
  const present = await text;
  if (present === undefined) throw missing();
  return present;
}

function noSuchQueue(name: string): RookeryError {
  return new RookeryError('no_such_queue', `there is no queue named ${JSON.stringify(name)}`, { name });
}

async function inPortions<Row>(
  ids: readonly string[],
  read: (some: readonly string[]) => Promise<readonly Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (let at = 0; at < ids.length; at += IDS_A_READ)
    rows.push(...(await read(ids.slice(at, at + IDS_A_READ))));
  return rows;
}

function endAfter(stream: EventStream, ms: number): void {
  const timer = setTimeout(() => stream.end(), ms);
  stream.onClose(() => clearTimeout(timer));
}
