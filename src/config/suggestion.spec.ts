import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, suggestion } from './suggestion.js';

describe('suggestion', () => {
  it.each([
    ['prot', 'port'],
    ['concurency', 'concurrency'],
    ['POLLINTERVAL', 'pollInterval'],
    ['visiblityTimeout', 'visibilityTimeout'],
  ])('takes %s for %s', (typed, meant) => {
    expect(suggestion(typed, ['host', 'port', 'concurrency', 'pollInterval', 'visibilityTimeout'])).toBe(
      meant,
    );
  });

  it('is silent when nothing is near', () => {
    expect(suggestion('name', ['host', 'port'])).toBeUndefined();
    expect(suggestion('x', [])).toBeUndefined();
  });

  it('takes the nearest of several', () => {
    expect(suggestion('scheduler', ['scheduled', 'scheduler', 'schedules'])).toBe('scheduler');
  });
});

describe('editDistance', () => {
  it('counts a swap of neighbours as one slip', () => {
    expect(editDistance('prot', 'port')).toBe(1);
  });

  it('is 0 only for equal words, the same both ways, and at most the longer length', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (left, right) => {
        const distance = editDistance(left, right);
        expect(distance === 0).toBe(left === right);
        expect(editDistance(right, left)).toBe(distance);
        expect(distance).toBeLessThanOrEqual(Math.max(left.length, right.length));
      }),
    );
  });
});
