import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Metrics } from '../../kernel/metrics.js';
import { QueueMetrics } from './queue-metrics.js';
import type { QueueReader, QueueView } from './queue-reader.js';

const mail = { name: 'mail', waiting: 3, executing: 1, paused: false, oldestWaitingMs: 1_500 } as QueueView;

/** The metrics of a reader that answers so, and how often it was asked. */
function scene(queues: () => Promise<readonly QueueView[]>) {
  const reader = { queues: vi.fn(queues) };
  const metrics = new Metrics();
  new QueueMetrics(reader as unknown as QueueReader, metrics).onModuleInit();
  const scrape = async () => Promise.all(metrics.all.map(async (metric) => metric.read()));
  return { reader, scrape };
}

describe('QueueMetrics', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('asks the database once for a scrape, and for those that follow within two seconds', async () => {
    const { reader, scrape } = scene(() => Promise.resolve([mail]));
    const [jobs] = await scrape();
    expect(jobs?.map(({ value }) => value)).toEqual([3, 1]);
    await scrape();
    expect(reader.queues).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(2_001);
    await scrape();
    expect(reader.queues).toHaveBeenCalledTimes(2);
  });

  it('leaves the queues out after two seconds without an answer, so that the rest is told', async () => {
    const { scrape } = scene(() => new Promise(() => undefined));
    let scraped: unknown;
    void scrape().then((samples) => (scraped = samples));
    await vi.advanceTimersByTimeAsync(1_900);
    expect(scraped).toBeUndefined();
    await vi.advanceTimersByTimeAsync(200);
    expect(scraped).toEqual([[], [], []]);
  });
});
