import { describe, expect, it } from 'vitest';
import { examine, type Facts } from './examine.js';

const AT = '2026-01-31T03:00:00.000Z';
const slots = { busy: 9, concurrency: 10, retryBusy: 9, retryConcurrency: 10 };
const worker = {
  id: 'w',
  host: 'vm',
  pid: 1,
  entry: 'worker',
  queues: ['mail'],
  slots: 10,
  busy: 0,
  stuck: 0,
  draining: false,
  seenAt: AT,
  slotsByQueue: { mail: slots },
};
const queue = {
  name: 'mail',
  paused: false,
  waiting: 1,
  executing: 9,
  oldestWaitingMs: 200_000,
  perMinute: { enqueued: 0, done: 0, failed: 0 },
  settings: { concurrency: null, retryConcurrency: null, timeoutMs: null },
};
const well: Facts = {
  cliVersion: '1.0.0',
  hereMs: Date.parse(AT),
  diagnosis: {
    version: '1.0.0',
    node: '20.0.0',
    at: AT,
    clockOffsetMs: 0,
    database: { version: '18.1', embedded: false, pendingMigrations: [], unknownMigrations: [] },
    parts: { process: { isLive: true, isReady: true, detail: 'running' } },
  },
  attention: [],
  queues: [],
  workers: [],
};
const told = (facts: Partial<Facts>): string[] =>
  examine({ ...well, ...facts })
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ check, verdict, text }) => `${verdict} ${check}: ${text}`);
const diagnosed = (change: Partial<Facts['diagnosis']>): string[] =>
  told({ diagnosis: { ...well.diagnosis, ...change } });

describe('the checks', () => {
  it('find nothing where nothing is wrong', () => {
    expect(told({})).toEqual([]);
  });

  it('tell a command line of another version', () => {
    expect(told({ cliVersion: '0.9.0' })).toEqual([expect.stringContaining('this command line is 0.9.0')]);
  });

  it('tell each part that is not ready', () => {
    const parts = { database: { isLive: true, isReady: false, detail: 'away for 3 s' } };
    expect(diagnosed({ parts })).toEqual(['problem health: database: away for 3 s']);
  });

  it('tell clocks that differ, not those that nearly agree', () => {
    expect(told({ hereMs: Date.parse(AT) - 1_900 })).toEqual([]);
    expect(told({ hereMs: Date.parse(AT) + 300_000 })).toEqual([
      "warning clock: the server's clock is -300 s ahead of this machine's",
    ]);
    expect(diagnosed({ clockOffsetMs: 5_000 })).toEqual([
      "warning clock: the database's clock is 5 s ahead of the server's",
    ]);
  });

  it('tell migrations that are missing', () => {
    const database = { ...well.diagnosis.database, pendingMigrations: ['Add1'] };
    expect(diagnosed({ database })).toEqual(['problem schema: it lacks Add1']);
  });

  it('tell a job that waits though a slot is free for it', () => {
    expect(told({ queues: [queue], workers: [worker] })).toEqual([
      'problem tickets: a job of mail waits for 200 s, though a worker has a slot free for it',
    ]);
  });

  it.each([
    ['is paused', { ...queue, paused: true }, worker],
    ['has waited for a moment only', { ...queue, oldestWaitingMs: 100_000 }, worker],
    ['is full', queue, { ...worker, slotsByQueue: { mail: { ...slots, busy: 10 } } }],
    [
      'has no slot left for retries',
      queue,
      { ...worker, slotsByQueue: { mail: { ...slots, retryBusy: 10 } } },
    ],
    ['is served by a worker that drains', queue, { ...worker, draining: true }],
    ['is served by nobody', queue, { ...worker, slotsByQueue: {} }],
  ])('tell none whose queue %s', (_, shown, server) => {
    expect(told({ queues: [shown], workers: [server] })).toEqual([]);
  });

  it('tell a job of a type that nobody runs once, and not as one that a slot is free for', () => {
    const attention = [
      {
        code: 'unserved_type',
        severity: 'critical' as const,
        title: 'No worker serves send; 1 job waits',
        detail: 'Start a worker',
        queue: 'mail',
      },
    ];
    expect(told({ attention, queues: [queue, { ...queue, name: 'news' }], workers: [worker] })).toEqual([
      'problem attention: No worker serves send; 1 job waits',
    ]);
    const both = { ...worker, slotsByQueue: { mail: slots, news: slots } };
    expect(told({ attention, queues: [queue, { ...queue, name: 'news' }], workers: [both] })).toHaveLength(2);
  });
});
