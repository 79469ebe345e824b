import { describe, expect, it } from 'vitest';
import { relativeText } from './relative-text.js';

describe('relativeText', () => {
  it('tells what was, what is and what will be apart', () => {
    expect(relativeText(0, 90_000)).toBe('1 min ago');
    expect(relativeText(1_000, 0)).toBe('now');
    expect(relativeText(7_200_000, 0)).toBe('in 2 h');
  });
});
