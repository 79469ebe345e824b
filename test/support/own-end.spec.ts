import { expect, it } from 'vitest';
import { isBootWithoutDatabase } from './own-end.js';
import type { Ended } from './rookery-process.js';

const GONE =
  'rookery: PostgreSQL at 127.0.0.1:1/x cannot be used: connect ECONNREFUSED 127.0.0.1:1; check that';

const ended = (output: string, end: Partial<Ended> = {}): Ended => ({
  code: 1,
  signal: null,
  output,
  ...end,
});

it.each([
  ['whose database is away', GONE],
  [
    'whose session broke in its middle',
    'rookery: Error: Connection terminated unexpectedly\n    at Connection.x (y.js:1:1)\nConnection terminated unexpectedly',
  ],
])('knows a boot %s', (_title, output) => {
  expect(isBootWithoutDatabase(ended(output))).toBe(true);
});

it.each<[string, Ended]>([
  ['a TypeError of a boot', ended('rookery: TypeError: x is not a function\n    at y\nx is not a function')],
  ['a wrong password', ended('rookery: PostgreSQL at h cannot be used: password authentication failed')],
  [
    'an error that nobody caught in a process that was ready',
    ended(
      `INFO ready: worker at http://127.0.0.1:1 (try it)\nstopped at once: an error that nobody caught: x`,
    ),
  ],
  [
    'a process that was ready and says that its database is away',
    ended(`INFO ready: worker at http://h\n${GONE}`),
  ],
  ['another exit code', ended(GONE, { code: 2 })],
  ['a signal', ended(GONE, { code: null, signal: 'SIGABRT' })],
  ['an end without a word', ended('')],
])('does not take %s for one', (_title, end) => {
  expect(isBootWithoutDatabase(end)).toBe(false);
});
