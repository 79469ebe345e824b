import { describe, expect, it } from 'vitest';
import { attentionOf, type AttentionFacts } from './attention.js';

const NOW = Date.parse('2026-11-26T03:00:00Z');
const MINUTE = 60_000;

const flow = (failed: readonly number[], done: readonly number[]): AttentionFacts['flows'][number] => ({
  name: 'mail',
  failed: [...Array.from({ length: 60 - failed.length }, () => 0), ...failed],
  done: [...Array.from({ length: 60 - done.length }, () => 10), ...done],
});

const repeated = (count: number, value: number): number[] => Array.from({ length: count }, () => value);

const queue = (part: Partial<AttentionFacts['queues'][number]>): AttentionFacts['queues'][number] => ({
  name: 'mail',
  pausedAt: null,
  waiting: 3,
  oldestWaitingMs: null,
  ...part,
});

const worker = { id: 'w', host: 'here', pid: 1, slots: 20, stuck: 0 };

const codesOf = (facts: Partial<AttentionFacts>): string[] =>
  attentionOf({
    nowMs: NOW,
    queues: [],
    flows: [],
    unserved: [],
    workers: [worker],
    lost: [],
    isTransportThere: true,
    ...facts,
  }).map(({ code, severity }) => `${severity} ${code}`);

describe('what needs attention', () => {
  it('is nothing when all is well', () => {
    expect(
      codesOf({ queues: [queue({ oldestWaitingMs: MINUTE })], flows: [flow([0, 1], [10, 10])] }),
    ).toEqual([]);
  });

  it('is a type with waiting jobs that no live worker serves, and not one without', () => {
    const unserved = [
      { name: 'greet', queue: 'mail', waiting: 2 },
      { name: 'paint', queue: 'paint', waiting: 0 },
    ];
    expect(codesOf({ unserved })).toEqual(['critical unserved_type']);
    expect(codesOf({ unserved, workers: [] })).toEqual(['critical no_worker']);
  });

  it('is an old job, unless its queue is paused or its type has no worker: one cause is told once', () => {
    const old = { oldestWaitingMs: 14 * MINUTE };
    expect(codesOf({ queues: [queue(old)] })).toEqual(['critical old_job']);
    expect(codesOf({ queues: [queue({ ...old, pausedAt: '2026-11-26T02:00:00Z' })] })).toEqual([
      'warning queue_paused',
    ]);
    const unserved = [{ name: 'greet', queue: 'mail', waiting: 3 }];
    expect(codesOf({ queues: [queue(old)], unserved })).toEqual(['critical unserved_type']);
    expect(codesOf({ queues: [queue({ ...old, waiting: 4 })], unserved })).toEqual([
      'critical unserved_type',
      'critical old_job',
    ]);
  });

  it.each([
    ['many fail that did not before', flow([3, 3, 3, 3, 3], [10, 10, 10, 10, 10]), true],
    ['all fail', flow([5], [0, 0, 0, 0, 0]), true],
    ['all have failed for half an hour', flow(repeated(30, 9), repeated(30, 0)), true],
    ['all have failed for an hour', flow(repeated(60, 9), repeated(60, 0)), true],
    ['all have failed since the first came, minutes ago', flow(repeated(20, 9), repeated(60, 0)), true],
    ['a third has failed for half an hour', flow(repeated(30, 5), repeated(60, 10)), true],
    ['too few fail to tell', flow([4], [0, 0, 0, 0, 0]), false],
    ['a small share fails', flow([2, 2, 2], [100, 100, 100, 100, 100]), false],
    ['as many fail as ever', flow(repeated(60, 3), [10]), false],
  ])('is a spike of failures when %s: %#', (_, flows, isSpike) => {
    expect(codesOf({ flows: [flows] })).toEqual(isSpike ? ['critical failure_spike'] : []);
  });

  it('is critical when half of a worker is stuck, and tells the worst first', () => {
    const lost = [{ id: 'l', host: 'there', pid: 2, lostAt: '2026-11-26T02:50:00Z' }];
    expect(
      codesOf({
        queues: [queue({ pausedAt: '2026-11-26T02:00:00Z' })],
        workers: [
          { ...worker, stuck: 1 },
          { ...worker, id: 'x', stuck: 10 },
        ],
        lost,
        isTransportThere: false,
      }),
    ).toEqual([
      'critical stuck_slots',
      'warning stuck_slots',
      'warning lost_worker',
      'warning transport_away',
      'warning queue_paused',
    ]);
  });
});
