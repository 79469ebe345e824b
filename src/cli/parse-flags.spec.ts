import { describe, expect, it } from 'vitest';
import { numberFlag, waitMs, withJoinedWait, withinMsOf } from './parse-flags.js';

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
      ['enqueue', '--wait', '5000', '{"a":1}'],
      ['enqueue', '--wait=5000', '{"a":1}'],
    ],
    [
      ['batches', 'show', 'b1', '--wait', '1.5'],
      ['batches', 'show', 'b1', '--wait=1.5'],
    ],
    [
      ['batches', 'show', '--wait', '01a2031e-4e1b-7000-b7c3-9f365bbfc2ba'],
      ['batches', 'show', '--wait=', '01a2031e-4e1b-7000-b7c3-9f365bbfc2ba'],
    ],
    [
      ['enqueue', '5', '--wait'],
      ['enqueue', '5', '--wait='],
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

describe('withinMsOf', () => {
  it('tells a wait without an end from none', () => {
    expect([withinMsOf(undefined), withinMsOf(''), withinMsOf('2s')]).toEqual([undefined, Infinity, 2_000]);
    expect(() => withinMsOf('soon')).toThrow('--wait: "soon" is no duration');
  });
});
