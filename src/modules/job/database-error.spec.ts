import { describe, expect, it } from 'vitest';
import { RookeryError } from '../../kernel/errors.js';
import { databaseError } from './database-error.js';

/** An error as the server sends it. */
function sqlError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code, severity: 'ERROR' });
}

describe('databaseError', () => {
  it.each([
    ['53200', 'out of shared memory', 'overloaded', /\(out of shared memory\).*max_locks_per_transaction/],
    ['53300', 'sorry, too many clients already', 'database_unavailable', /does not answer/],
    ['57014', 'canceling statement due to statement timeout', 'database_unavailable', /does not answer/],
    ['55P03', 'canceling statement due to lock timeout', 'overloaded', /holds a lock/],
  ])('tells of %s (%s) as %s', (code, message, told, words) => {
    const cause = sqlError(code, message);
    const error = databaseError(cause);
    expect(error).toBeInstanceOf(RookeryError);
    expect(error).toMatchObject({ code: told, message: expect.stringMatching(words) as string, cause });
  });

  it('leaves what only a change of the program mends as it is', () => {
    const error = sqlError('42703', 'column "x" does not exist');
    expect(databaseError(error)).toBe(error);
  });
});
