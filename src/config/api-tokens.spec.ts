import { expect, it } from 'vitest';
import { readApiTokens } from './api-tokens.js';

const SECRET = 'abcdefghijklmnop';

it('reads a label, a role and a secret each', () => {
  expect(readApiTokens([`ops:operate:${SECRET}`, `grafana:read:${SECRET}2==`])).toEqual({
    value: [
      { label: 'ops', role: 'operate', secret: SECRET },
      { label: 'grafana', role: 'read', secret: `${SECRET}2==` },
    ],
  });
  expect(readApiTokens([])).toEqual({ value: [] });
});

it.each([
  [SECRET, 'is not written as label:role:secret'],
  [`a:read:${SECRET}:b`, 'is not written as'],
  [7, 'is not written as'],
  [`a b:read:${SECRET}`, 'has a label'],
  [`a:root:${SECRET}`, 'has a role that is none of read, operate, admin'],
  ['a:read:topsecret', 'has a secret of 9 characters; use at least 16'],
  [`a:read:${SECRET} x`, 'has a secret with other characters'],
  [`first:read:${SECRET}x`, 'has the label or the secret of token 1'],
  ['b:read:firstfirstfirstfirst', 'has the label or the secret of token 1'],
])('names the position of %s and never the secret', (text, problem) => {
  const reading = readApiTokens(['first:read:firstfirstfirstfirst', text]);
  expect(reading).toEqual({ problem: expect.stringContaining(`token 2 of 2 ${problem}`) as string });
  expect(JSON.stringify(reading)).not.toMatch(/abcdefgh|topsecret|firstfirst/);
});
