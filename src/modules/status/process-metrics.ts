import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import type { Metrics } from '../../kernel/metrics.js';

/** Fine enough to see what a job of some milliseconds does to the others. */
const RESOLUTION_MS = 10;

const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

/** What every process costs: time, memory, and how late its event loop is. Ends with the function returned. */
export function measureProcess(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  metrics.reading({
    name: 'rookery_event_loop_lag_seconds',
    help: 'How late the event loop came round, since the scrape before',
    type: 'gauge',
    labelNames: ['quantile'],
    read: () => lagSamples(delay),
  });
  metrics.value(
    'process_cpu_seconds_total',
    'CPU time of the process',
    () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS;
    },
    'counter',
  );
  metrics.value('process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss());
  metrics.value('nodejs_heap_used_bytes', 'Memory in use on the heap', () => process.memoryUsage().heapUsed);
  metrics.value('process_uptime_seconds', 'Since the process began', () => process.uptime());
  return () => delay.disable();
}

/** The resolution itself is no lag. Reset with each reading, so that a peak is seen once and then gone. */
function lagSamples(delay: IntervalHistogram): { labels: { quantile: string }; value: number }[] {
  const seconds = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / NANOSECONDS - RESOLUTION_MS / 1_000) : 0;
  const samples = [
    { labels: { quantile: '0.5' }, value: seconds(delay.percentile(50)) },
    { labels: { quantile: '0.99' }, value: seconds(delay.percentile(99)) },
    { labels: { quantile: '1' }, value: seconds(delay.max) },
  ];
  delay.reset();
  return samples;
}
