import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { RookeryError } from '../../kernel/errors.js';
import { bootError, isWorthWaiting, NotReadyError } from './boot-failure.js';

function sqlError(code: string, message: string): DatabaseError {
  return Object.assign(new DatabaseError(message, 0, 'error'), { code, severity: 'FATAL' });
}

describe('isWorthWaiting', () => {
  it('waits for a server that is away, starting, full or a standby', () => {
    expect(isWorthWaiting(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))).toBe(true);
    expect(isWorthWaiting(sqlError('57P03', 'the database system is starting up'))).toBe(true);
    expect(isWorthWaiting(sqlError('53300', 'sorry, too many clients already'))).toBe(true);
    expect(isWorthWaiting(new NotReadyError('it is a read-only standby'))).toBe(true);
  });

  it('does not wait for what only a person can mend', () => {
    expect(isWorthWaiting(sqlError('28P01', 'password authentication failed for user "app"'))).toBe(false);
    expect(isWorthWaiting(sqlError('3D000', 'database "app" does not exist'))).toBe(false);
    expect(isWorthWaiting(new RookeryError('schema_newer', 'newer'))).toBe(false);
  });
});

describe('bootError', () => {
  it('names the server, the reason and the remedy', () => {
    const error = bootError('db:5432/app', sqlError('3D000', 'database "app" does not exist'));
    expect(error.code).toBe('database_unavailable');
    expect(error.message).toBe(
      'PostgreSQL at db:5432/app cannot be used: database "app" does not exist; create that database, or name another in DATABASE_URL',
    );
  });

  it('keeps an error that already explains itself', () => {
    const newer = new RookeryError('schema_newer', 'newer');
    expect(bootError('db:5432/app', newer)).toBe(newer);
  });

  it('points at the certificate when TLS does not trust the server', () => {
    expect(bootError('db:5432/app', new Error('self-signed certificate')).message).toContain('sslrootcert');
  });
});
