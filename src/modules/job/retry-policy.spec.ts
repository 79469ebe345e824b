import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, defaultRetryPolicy } from './retry-policy.js';

const plain = { initialMs: 1_000, factor: 2, maxMs: 300_000, jitter: 'none' } as const;
const unused = (): number => {
  throw new Error('not to be drawn');
};

describe('the backoff', () => {
  it('doubles from its start up to its bound, and stays there', () => {
    const pauses = Array.from({ length: 11 }, (_, index) => backoffMs(plain, index + 1, unused));
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * 1_000));
  });

  it('is constant with factor 1', () => {
    expect(backoffMs({ ...plain, factor: 1 }, 7, unused)).toBe(1_000);
  });

  it('is bounded for any attempt, where the power itself is beyond all numbers', () => {
    expect(backoffMs({ ...plain, factor: 10 }, 1_000, unused)).toBe(300_000);
  });

  it('with full jitter is anything from nothing to the whole pause', () => {
    expect(backoffMs(defaultRetryPolicy, 3, () => 0)).toBe(0);
    expect(backoffMs(defaultRetryPolicy, 3, () => 0.5)).toBe(2_000);
    expect(backoffMs(defaultRetryPolicy, 3, () => 0.999_999)).toBe(4_000);
  });

  it('is a whole number of milliseconds between nothing and the bound, and never falls as attempts rise', () => {
    const policies = fc.record({
      initialMs: fc.integer({ min: 1, max: 1e6 }),
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
      maxMs: fc.integer({ min: 1, max: 1e9 }),
    });
    const random = fc.double({ min: 0, max: 0.999_999, noNaN: true });
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 999 }), random, (policy, attempt, drawn) => {
        for (const jitter of ['none', 'full'] as const) {
          const pause = backoffMs({ ...policy, jitter }, attempt, () => drawn);
          expect(Number.isInteger(pause)).toBe(true);
          expect(pause).toBeGreaterThanOrEqual(0);
          expect(pause).toBeLessThanOrEqual(policy.maxMs);
          expect(backoffMs({ ...policy, jitter }, attempt + 1, () => drawn)).toBeGreaterThanOrEqual(pause);
        }
      }),
    );
  });
});
