import { describe, expect, it } from 'vitest';
import { durationText } from './duration-text.js';

describe('durationText', () => {
  it.each([
    [0, '0 ms'],
    [840, '840 ms'],
    [12_900, '12 s'],
    [14 * 60_000 + 59_000, '14 min'],
    [60 * 60_000, '1 h'],
    [80 * 60_000, '1 h 20 min'],
    [25 * 3_600_000, '1 d 1 h'],
    [12 * 86_400_000 + 3_600_000, '12 d'],
  ])('reads %i as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});
