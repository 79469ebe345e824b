import { describe, expect, it } from 'vitest';
import { complaintsOf, figuresOf, heldBy, lineThrough, lowsOf, type Sample } from './soak-figures.js';

const MINUTE_MS = 60_000;
const MB = 1_000_000;
const times = { warmUpMs: 5 * MINUTE_MS, windowMs: 30_000 };

/** Half an hour of samples every 3 s, of a heap that rises by 40 MB and falls back each 21 s; changed as `change` says. */
function samplesWith(change: (minutes: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 600 }, (_, index) => ({
    atMs: index * 3_000,
    rssBytes: 200 * MB + (index % 11) * MB,
    heapBytes: sawtooth(index),
    files: 40 + (index % 2),
    connections: 14,
    sessions: 12,
    answerMs: 2,
    endMs: index % 5 === 0 ? Number.NaN : 9,
    ...change((index * 3_000) / MINUTE_MS),
  }));
}

const sawtooth = (index: number): number => 60 * MB + (index % 7) * 6 * MB;
const complaints = (samples: readonly Sample[]): string[] => complaintsOf(figuresOf(samples, times));

describe('lineThrough', () => {
  it('tells the slope of a straight line an hour, without an error', () => {
    const points = [0, 1, 2, 3].map((minute) => ({ atMs: minute * MINUTE_MS, value: 7 + minute * 2 }));
    const { perHour, error } = lineThrough(points);
    expect(perHour).toBeCloseTo(120, 6);
    expect(error).toBeCloseTo(0, 6);
  });

  it('tells how far the slope of scattered points may be off', () => {
    const points = [1, -1, -1, 1].map((value, minute) => ({ atMs: minute * MINUTE_MS, value }));
    const { perHour, error } = lineThrough(points);
    expect(perHour).toBeCloseTo(0, 6);
    // The rest is 4 over 2 degrees of freedom, the spread 5 minutes².
    expect(error).toBeCloseTo(60 * Math.sqrt(4 / 2 / 5), 6);
  });

  it('refuses two points', () => {
    expect(() => lineThrough([1, 2].map((value) => ({ atMs: value, value })))).toThrow('too few');
  });
});

it('takes the least of each window', () => {
  const points = [5, 3, 4, 9, 8].map((value, index) => ({ atMs: index * 10, value }));
  expect(lowsOf(points, 30)).toEqual([
    { atMs: 10, value: 3 },
    { atMs: 40, value: 8 },
  ]);
});

it('reads the metrics of a process, and adds up the open sessions of its pools', () => {
  const metrics = [
    '# HELP process_open_fds Number of open file descriptors.',
    'process_open_fds 41',
    'process_resident_memory_bytes 2.5e+8',
    'nodejs_heap_size_used_bytes 60000000',
    'rookery_pool_sessions{pool="reads",state="open"} 3',
    'rookery_pool_sessions{pool="reads",state="waiting"} 9',
    'rookery_pool_sessions{pool="control",state="open"} 2',
  ];
  const held = { rssBytes: 2.5e8, heapBytes: 6e7, files: 41, sessions: 5 };
  expect(heldBy(metrics.join('\n'))).toEqual(held);
  expect(() => heldBy(metrics.slice(2).join('\n'))).toThrow('no process_open_fds');
});

describe('complaintsOf', () => {
  it('has none of a heap that rises and falls', () => {
    expect(complaints(samplesWith())).toEqual([]);
  });

  it('has none of what grew during the warm-up only', () => {
    const warming = (minutes: number): Partial<Sample> => ({
      rssBytes: 200 * MB + Math.min(minutes, 5) * 20 * MB,
      files: minutes < 5 ? 10 : 40,
    });
    expect(complaints(samplesWith(warming))).toEqual([]);
  });

  it('reports a heap whose lows rise by 45 MB an hour under garbage of 36 MB', () => {
    const leaking = samplesWith().map((sample) => ({
      ...sample,
      heapBytes: sample.heapBytes + (sample.atMs / MINUTE_MS / 60) * 45 * MB,
    }));
    expect(complaints(leaking)).toEqual([expect.stringMatching(/^the heap grows by 4\d\.\d ± /)]);
  });

  it.each([
    ['the resident memory', (minutes: number) => ({ rssBytes: 200 * MB + minutes * 2 * MB })],
    ['open files', (minutes: number) => ({ files: 40 + minutes })],
    ['connections', (minutes: number) => ({ connections: 14 + minutes / 3 })],
    ['sessions of pools', (minutes: number) => ({ sessions: 12 + minutes / 3 })],
    ['a request', (minutes: number) => ({ answerMs: 1 + minutes / 5 })],
    ['a job', (minutes: number) => ({ endMs: 5 + minutes })],
  ])('reports alone what grows: %s', (what, change) => {
    const found = complaints(samplesWith(change));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${what}\\b`));
  });

  describe('of memory that is known badly', () => {
    const quiet = figuresOf(samplesWith(), times);
    /** As half an hour of a quiet process came out. */
    const measured = { ...quiet, heap: { perHour: -4.8, error: 6.5 }, rss: { perHour: -30.5, error: 8.2 } };

    it('has none where it cannot grow by twice the bound', () => {
      expect(complaintsOf(measured)).toEqual([]);
    });

    it.each([
      ['noise that may hide a leak', { perHour: 120, error: 50 }],
      ['noise around nothing', { perHour: 0, error: 70 }],
      ['no number', { perHour: Number.NaN, error: Number.NaN }],
      ['no error', { perHour: 0, error: Number.NaN }],
      ['a fall without end', { perHour: -Infinity, error: 1 }],
    ])('reports %s', (_title, rss) => {
      expect(complaintsOf({ ...measured, rss })).toEqual([
        expect.stringMatching(/^the resident memory: .* does not tell whether it grows by more than 120;/),
      ]);
    });
  });

  it('reports handles that nobody could count', () => {
    const files = { first: 40, last: Number.NaN };
    expect(complaintsOf({ ...figuresOf(samplesWith(), times), files })).toEqual([
      'open files: 40 at first and NaN at last',
    ]);
  });

  it('reports latencies that nobody could measure at the end', () => {
    const silent = (minutes: number): Partial<Sample> => ({ endMs: minutes > 20 ? Number.NaN : 9 });
    expect(complaints(samplesWith(silent))).toEqual([
      expect.stringMatching(/^a job took 9.0 ms at first and NaN/),
    ]);
  });
});
