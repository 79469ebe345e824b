import { describe, expect, it } from 'vitest';
import { liveView, type Overview } from './live-view.js';

const queue = {
  name: 'mail',
  paused: false,
  waiting: 3,
  executing: 1,
  oldestWaitingMs: 1_200,
  perMinute: { enqueued: 2.5, done: 2, failed: 0 },
  settings: { concurrency: null, retryConcurrency: null, timeoutMs: null },
};
const worker = {
  id: 'w',
  host: 'vm',
  pid: 7,
  entry: 'worker',
  queues: ['mail'],
  slots: 20,
  busy: 1,
  stuck: 0,
  draining: false,
  seenAt: '',
  slotsByQueue: {},
};
const well: Overview = {
  totals: { processed: 5, done: 4, failed: 1, canceled: 0, waiting: 3, executing: 1 },
  attention: [],
  queues: [queue],
  workers: [worker],
};
const frame = { head: 'Rookery', trouble: '', rows: 24, paint: (_: string, text: string) => text };
const many = <Item extends object>(count: number, item: Item) => Array.from({ length: count }, () => item);

describe('the live view', () => {
  it('tells totals, that nothing is wrong, queues and workers', () => {
    expect(liveView(well, frame)).toEqual([
      'Rookery',
      'waiting 3  executing 1  done 4  failed 1  canceled 0',
      '',
      'nothing needs attention',
      '',
      'QUEUE  STATE  WAITING  OLDEST  EXECUTING  IN/MIN  DONE/MIN  FAILED/MIN',
      'mail   runs   3        1.2 s   1          2.5     2         0',
      '',
      'WORKER  ENTRY   STATE  BUSY  STUCK  QUEUES',
      'vm:7    worker  runs   1/20  0      mail',
    ]);
  });

  it('tells what needs attention first, and how much more there is', () => {
    const cause = {
      code: 'unserved_type',
      severity: 'critical' as const,
      title: 'No worker serves mail',
      detail: '',
      queue: 'mail',
    };
    const lines = liveView({ ...well, attention: many(7, cause) }, frame);
    expect(lines.slice(3, 9)).toEqual([
      ...many(5, {}).map(() => '!! No worker serves mail'),
      '   and 2 more: rookery doctor',
    ]);
  });

  it('tells what is wrong with itself', () => {
    expect(liveView(well, { ...frame, trouble: 'away' })[2]).toBe('away');
  });

  it('tells the busiest queues, as many as there is room for, and how many more there are', () => {
    const queues = [...many(30, queue), { ...queue, name: 'busy', waiting: 9 }];
    const lines = liveView({ ...well, queues }, frame);
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines[6]).toMatch(/^busy /);
    expect(lines).toContainEqual(expect.stringMatching(/^and \d+ more queues$/));
    expect(lines.at(-1)).toMatch(/^vm:7 /);
  });

  it('shares the room when there are too many of both', () => {
    const lines = liveView({ ...well, queues: many(50, queue), workers: many(50, worker) }, frame);
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines).toContainEqual(expect.stringMatching(/^and \d+ more queues$/));
    expect(lines).toContainEqual(expect.stringMatching(/^and \d+ more workers$/));
  });

  it('says so where there is nothing', () => {
    const lines = liveView({ ...well, queues: [], workers: [] }, frame);
    expect(lines.slice(-3)).toEqual(['no queues', '', 'no workers']);
  });
});
