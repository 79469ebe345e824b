import { describe, expect, it } from 'vitest';
import { Metrics } from './metrics.js';

describe('metrics', () => {
  it('count for each set of labels', () => {
    const counter = new Metrics().counter('jobs_total', 'Jobs', 'queue');
    counter.of('a').value += 2;
    counter.of('b').value++;
    counter.of('a').value++;
    expect(counter.read()).toEqual([
      { labels: { queue: 'a' }, value: 3 },
      { labels: { queue: 'b' }, value: 1 },
    ]);
  });

  it('spread values over buckets, each of which holds those below it', () => {
    const distribution = new Metrics().distribution('run_seconds', 'Runs', [0.1, 1], 'queue');
    for (const value of [0.05, 0.1, 0.5, 7]) distribution.of('a').observe(value);
    const buckets = distribution
      .read()
      .map(({ metricName, labels, value }) => [metricName, labels['le'], value]);
    expect(buckets).toEqual([
      ['run_seconds_bucket', '0.1', 2],
      ['run_seconds_bucket', '1', 3],
      ['run_seconds_bucket', '+Inf', 4],
      ['run_seconds_sum', undefined, 7.65],
      ['run_seconds_count', undefined, 4],
    ]);
  });

  it('are one of a name, whoever asks', () => {
    const metrics = new Metrics();
    metrics.counter('jobs_total', 'Jobs', 'queue').of('a').value++;
    metrics.counter('jobs_total', 'Jobs', 'queue').of('a').value++;
    expect(metrics.all.map(({ name }) => name)).toEqual(['jobs_total']);
    expect(metrics.counter('jobs_total', 'Jobs', 'queue').of('a').value).toBe(2);
  });
});
