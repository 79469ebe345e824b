import { RookeryError } from '../../kernel/errors.js';
import { isConnectionLost, reasonOf, sqlState } from './sql-errors.js';

/** A server that answers and cannot be used yet: it is asked again as if it were away. */
export class NotReadyError extends Error {
  override readonly name = 'NotReadyError';
}

/** True for a failure at boot that time may heal: the server is away, starting, full or not yet the primary. */
export function isWorthWaiting(error: unknown): boolean {
  return error instanceof NotReadyError || isConnectionLost(error);
}

/** The failure as the one error the operator reads: which server, why, and what to do. Never holds a password. */
export function bootError(server: string, error: unknown): RookeryError {
  if (error instanceof RookeryError) return error;
  const remedy = remedyOf(error);
  return new RookeryError(
    'database_unavailable',
    `PostgreSQL at ${server} cannot be used: ${reasonOf(error)}${remedy ? `; ${remedy}` : ''}`,
    { server },
    { cause: error },
  );
}

function remedyOf(error: unknown): string | undefined {
  switch (sqlState(error)) {
    case '28P01':
    case '28000':
      return 'check the user and password in DATABASE_URL and the rules of pg_hba.conf';
    case '3D000':
      return 'create that database, or name another in DATABASE_URL';
    case '42501':
      return 'grant the user what is missing, as GRANT CREATE ON DATABASE … or ON SCHEMA …, or set database.schema to a schema it owns';
    case undefined:
      break;
    default:
      return undefined;
  }
  const reason = reasonOf(error);
  if (reason.includes('does not support SSL'))
    return 'add ?sslmode=disable to DATABASE_URL, or enable TLS on the server';
  if (/certificate|self.signed/i.test(reason)) {
    return 'add sslrootcert=FILE to DATABASE_URL, or sslmode=no-verify to trust any certificate';
  }
  if (isWorthWaiting(error))
    return 'check that the server runs and that DATABASE_URL names its host and port';
  return undefined;
}
