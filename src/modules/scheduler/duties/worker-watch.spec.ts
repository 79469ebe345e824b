import { expect, test } from 'vitest';
import type { Lease } from '../../job/index.js';
import { WorkerWatch } from './worker-watch.js';

const lease = (seenAt: string, visibilityTimeoutMs = 30_000): Lease => ({
  workerId: 'w',
  host: 'elsewhere',
  pid: 1,
  processStartedAt: null,
  seenAt,
  visibilityTimeoutMs,
});

/** Looks every 2 s from `from` to `to`; answers when the worker was first found silent. */
function lookOn(
  watch: WorkerWatch,
  {
    from,
    to,
    seenAt = () => 'once',
    contactMs = (now) => now + 1e9,
  }: {
    readonly from: number;
    readonly to: number;
    readonly seenAt?: (now: number) => string;
    readonly contactMs?: (now: number) => number;
  },
): number | undefined {
  for (let now = from; now <= to; now += 2_000) {
    if (watch.look([lease(seenAt(now))], now, contactMs(now)).length > 0) return now;
  }
  return undefined;
}

test('a worker is silent once the same renewal was seen for its whole visibility timeout', () => {
  expect(lookOn(new WorkerWatch(), { from: 0, to: 60_000 })).toBe(30_000);
});

test('a worker that renews is never silent', () => {
  const seenAt = (now: number): string => `renewal ${Math.floor(now / 26_000)}`;
  expect(lookOn(new WorkerWatch(), { from: 0, to: 600_000, seenAt })).toBeUndefined();
});

test('an interruption of the contact to the database gives every worker the whole time again', () => {
  const contactMs = (now: number): number => (now < 20_000 ? now + 1e9 : now - 19_000);
  expect(lookOn(new WorkerWatch(), { from: 0, to: 100_000, contactMs })).toBe(50_000);
});

test('a pause of the watch itself gives every worker the whole time again', () => {
  const watch = new WorkerWatch();
  expect(lookOn(watch, { from: 0, to: 28_000 })).toBeUndefined();
  expect(lookOn(watch, { from: 36_000, to: 100_000 })).toBe(66_000);
});
