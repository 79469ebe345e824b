import { DatabaseError } from 'pg';
import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';
import { describe, expect, it } from 'vitest';
import {
  isBadValue,
  isConnectionLost,
  isItemFault,
  isLockTimeout,
  isStaleStatement,
  isTransient,
  isUndefinedTable,
  reasonOf,
  sqlState,
} from './sql-errors.js';

function sqlError(code: string, routine?: string): DatabaseError {
  const error = new DatabaseError(`an error with ${code}`, 0, 'error');
  return Object.assign(error, { code, severity: 'ERROR', routine });
}

function nodeError(code: string): Error {
  return Object.assign(new Error(`connect ${code} 127.0.0.1:5432`), { code });
}

describe('sqlState', () => {
  it('reads the code of an error of the server, also through the wrapper of TypeORM', () => {
    expect(sqlState(sqlError('23505'))).toBe('23505');
    expect(sqlState(new QueryFailedError('SELECT 1', [], sqlError('23505')))).toBe('23505');
  });

  it('does not take a code of Node for one of PostgreSQL', () => {
    expect(sqlState(nodeError('EPIPE'))).toBeUndefined();
    expect(sqlState(undefined)).toBeUndefined();
    expect(sqlState('08006')).toBeUndefined();
  });
});

it('isLockTimeout takes 55P03, and no other, for a lock that was not to be had', () => {
  expect(['55P03', '55006', '57014'].map((code) => isLockTimeout(sqlError(code)))).toEqual([
    true,
    false,
    false,
  ]);
});

describe('isConnectionLost', () => {
  it.each([
    '57P01',
    '57P02',
    '57P03',
    '57P05',
    '25P03',
    '25006',
    '53300',
    '08000',
    '08003',
    '08006',
    '08P01',
  ])('takes SQLSTATE %s for a lost connection', (code) =>
    expect(isConnectionLost(sqlError(code))).toBe(true),
  );

  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN'])(
    'takes %s for a lost connection',
    (code) => expect(isConnectionLost(nodeError(code))).toBe(true),
  );

  it.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'timeout expired',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
  ])('takes "%s" for a lost connection', (message) =>
    expect(isConnectionLost(new Error(message))).toBe(true),
  );

  it('sees through the wrapper of TypeORM', () => {
    const wrapped = new QueryFailedError('SELECT 1', [], new Error('Connection terminated unexpectedly'));
    expect(isConnectionLost(wrapped)).toBe(true);
  });

  it('takes a runner that TypeORM released amid a transaction for a lost connection', () => {
    expect(isConnectionLost(new QueryRunnerAlreadyReleasedError())).toBe(true);
    expect(isConnectionLost(new QueryRunnerProviderAlreadyReleasedError())).toBe(true);
  });

  it('takes a refusal on every address of a host for a lost connection', () => {
    const refused = new AggregateError([nodeError('ECONNREFUSED'), nodeError('ECONNREFUSED')]);
    expect(isConnectionLost(Object.assign(refused, { code: 'ECONNREFUSED' }))).toBe(true);
  });

  it.each(['23505', '40001', '42P01', '55P03', '57014', '28P01', '3D000'])(
    'does not take SQLSTATE %s for a lost connection',
    (code) => expect(isConnectionLost(sqlError(code))).toBe(false),
  );

  it('does not take a busy pool or a value that is no error for a lost connection', () => {
    expect(isConnectionLost(new Error('timeout exceeded when trying to connect'))).toBe(false);
    expect(isConnectionLost(null)).toBe(false);
  });
});

describe('isItemFault and isBadValue', () => {
  it.each(['22P02', '22021', '22003', '23505', '23514', '54000'])(
    'take %s for the fault of a value',
    (code) => {
      expect(isItemFault(sqlError(code))).toBe(true);
      expect(isBadValue(sqlError(code))).toBe(true);
    },
  );

  it('blame one item, but not its value, for a lock that was not to be had', () => {
    expect(isItemFault(sqlError('55P03'))).toBe(true);
    expect(isBadValue(sqlError('55P03'))).toBe(false);
  });

  it.each(['57014', '40P01', '53100', '57P01', '42P01'])('do not blame an item for %s', (code) => {
    expect(isItemFault(sqlError(code))).toBe(false);
  });
});

describe('isTransient', () => {
  it.each(['40001', '40P01', '53100', '53200', '57014', '57P03', '08006', '26000'])(
    'says %s is worth repeating',
    (code) => {
      expect(isTransient(sqlError(code))).toBe(true);
    },
  );

  it('says a pool without a free connection is worth repeating', () => {
    expect(isTransient(new Error('timeout exceeded when trying to connect'))).toBe(true);
  });

  it.each(['22P02', '23505', '42P01', '42601', '55P03', '0A000'])('says %s is not', (code) => {
    expect(isTransient(sqlError(code))).toBe(false);
  });
});

describe('isStaleStatement', () => {
  it('knows a prepared statement that was forgotten or whose result changed', () => {
    expect(isStaleStatement(sqlError('26000'))).toBe(true);
    expect(isStaleStatement(sqlError('0A000', 'RevalidateCachedQuery'))).toBe(true);
  });

  it('tells a changed result from any other unsupported feature', () => {
    expect(isStaleStatement(sqlError('0A000', 'transformSelectStmt'))).toBe(false);
  });
});

describe('isUndefinedTable', () => {
  it('is true of 42P01 only', () => {
    expect(isUndefinedTable(sqlError('42P01'))).toBe(true);
    expect(isUndefinedTable(sqlError('42703'))).toBe(false);
  });
});

describe('reasonOf', () => {
  it('names each refused address once although the error of all has no message', () => {
    const refused = new AggregateError([nodeError('ECONNREFUSED'), nodeError('ECONNREFUSED')]);
    expect(reasonOf(refused)).toBe('connect ECONNREFUSED 127.0.0.1:5432');
  });

  it('is one line and never empty', () => {
    expect(reasonOf(new Error('first\nsecond'))).toBe('first');
    expect(reasonOf(Object.assign(new Error(''), { code: 'EPIPE' }))).toBe('EPIPE');
    expect(reasonOf(new TypeError(''))).toBe('TypeError');
    expect(reasonOf('thrown text')).toBe('thrown text');
  });
});
