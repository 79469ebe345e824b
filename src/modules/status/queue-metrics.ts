import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { monotonicMs } from '../../kernel/clock.js';
import { Metrics, type Sample } from '../../kernel/metrics.js';
import { QueueReader, type QueueView } from './queue-reader.js';

/** Several scrapers, and the metrics of one scrape, share an answer of the database. */
const FRESH_MS = 2_000;

/** A scrape waits this long for the database: the rest must be told above all when that is away, and Prometheus waits for 10 s. */
const LONGEST_WAIT_MS = 2_000;

/** What every queue holds, from the counters. A database that does not answer leaves these metrics out. */
@Injectable()
export class QueueMetrics implements OnModuleInit {
  private readAt = -Infinity;
  private reading: Promise<readonly QueueView[]> = Promise.resolve([]);

  constructor(
    private readonly reader: QueueReader,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    this.gauge(
      'rookery_queue_jobs',
      'Jobs of a queue, by state',
      ['queue', 'state'],
      ({ name: queue, waiting, executing }) => [
        { labels: { queue, state: 'waiting' }, value: waiting },
        { labels: { queue, state: 'executing' }, value: executing },
      ],
    );
    this.gauge(
      'rookery_queue_oldest_waiting_seconds',
      'For how long the oldest waiting job of a queue could have run',
      ['queue'],
      ({ name: queue, oldestWaitingMs }) => [{ labels: { queue }, value: (oldestWaitingMs ?? 0) / 1_000 }],
    );
    this.gauge('rookery_queue_paused', '1 while a queue is paused', ['queue'], ({ name: queue, paused }) => [
      { labels: { queue }, value: Number(paused) },
    ]);
  }

  private gauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    samplesOf: (queue: QueueView) => Sample[],
  ): void {
    const read = async (): Promise<Sample[]> => (await this.queues()).flatMap(samplesOf);
    this.metrics.reading({ name, help, type: 'gauge', labelNames, read });
  }

  private queues(): Promise<readonly QueueView[]> {
    if (monotonicMs() - this.readAt > FRESH_MS) {
      this.readAt = monotonicMs();
      this.reading = within(this.reader.queues(), LONGEST_WAIT_MS).catch(() => []);
    }
    return this.reading;
  }
}

/** Rejects when there is no answer in time. */
async function within<Result>(answer: Promise<Result>, ms: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
