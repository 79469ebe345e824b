import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationFromText, durationMs, formatDuration, parseDuration } from './durations.js';

describe('parseDuration', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1.5h', 5_400_000],
    ['14d', 1_209_600_000],
    [' 2 m ', 120_000],
    ['0s', 0],
    ['1.4ms', 1],
    [1500, 1500],
    [0.6, 1],
  ])('reads %j as %d ms', (duration, ms) => {
    expect(parseDuration(duration)).toBe(ms);
  });

  it.each([
    '',
    '30',
    's',
    '-1s',
    '+1s',
    '1w',
    '1 S',
    '1e3ms',
    '.5s',
    '5m30s',
    `${'9'.repeat(400)}d`,
    -1,
    NaN,
    Infinity,
  ])('does not read %j', (duration) => {
    expect(parseDuration(duration)).toBeUndefined();
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [1500, '1500ms'],
    [90_000, '90s'],
    [60_000, '1m'],
    [3_600_000, '1h'],
    [86_400_000, '1d'],
  ])('writes %d ms as %s', (ms, duration) => {
    expect(formatDuration(ms)).toBe(duration);
  });

  it('writes what parseDuration reads back', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});

describe('durationMs', () => {
  it('answers the milliseconds', () => {
    expect(durationMs('30s')).toBe(30_000);
  });

  it('names the value and the form wanted when it is no duration', () => {
    expect(() => durationMs('30')).toThrow(/^not a duration: "30"; write a number and a unit/);
  });
});

describe('durationFromText', () => {
  it('takes a bare number for milliseconds and leaves the rest as it is', () => {
    expect(['500', '30s', '-1', 'soon'].map(durationFromText)).toEqual([500, '30s', '-1', 'soon']);
  });
});
