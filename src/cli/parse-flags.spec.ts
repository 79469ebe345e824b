import { describe, expect, it } from 'vitest';
import { apiDuration, numberFlag, waitMs, withJoinedWait } from './parse-flags.js';

describe('withJoinedWait', () => {
  it.each([
    [
      ['enqueue', '--wait', '{"a":1}'],
      ['enqueue', '--wait=', '{"a":1}'],
    ],
    [
      ['enqueue', '--wait', '30s', '{"a":1}'],
      ['enqueue', '--wait=30s', '{"a":1}'],
    ],
    [
      ['enqueue', '--wait=30s', '{}'],
      ['enqueue', '--wait=30s', '{}'],
    ],
    [
      ['enqueue', '{}', '--wait'],
      ['enqueue', '{}', '--wait='],
    ],
    [
      ['enqueue', '--delay', '30s', '{}'],
      ['enqueue', '--delay', '30s', '{}'],
    ],
  ])('reads %j as %j', (argv, joined) => {
    expect(withJoinedWait(argv)).toEqual(joined);
  });
});

describe('apiDuration', () => {
  it('takes a bare number for milliseconds and leaves the rest to the server', () => {
    expect([apiDuration('500'), apiDuration('30s'), apiDuration('-1'), apiDuration('soon')]).toEqual([
      500,
      '30s',
      '-1',
      'soon',
    ]);
  });
});

describe('waitMs', () => {
  it('refuses what is no duration and names the flag', () => {
    expect(waitMs('--wait', '2s')).toBe(2_000);
    expect(() => waitMs('--wait', 'soon')).toThrow('--wait: "soon" is no duration');
  });
});

describe('numberFlag', () => {
  it.each(['', ' ', 'three', 'NaN'])('refuses %j', (text) => {
    expect(() => numberFlag('--limit', text)).toThrow('--limit');
  });
});
