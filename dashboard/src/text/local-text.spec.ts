import { describe, expect, it } from 'vitest';
import { localText } from './local-text.js';

describe('localText', () => {
  it('adds the day of the week', () => {
    expect(localText('2026-11-27T02:00:00+01:00')).toBe('Fri 2026-11-27 02:00:00 (+01:00)');
  });

  it('leaves what it cannot read as it is', () => {
    expect(localText('soon')).toBe('soon');
  });
});
