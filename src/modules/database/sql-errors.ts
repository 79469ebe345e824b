import { isRecord } from '../../kernel/json.js';
/**
 * What an error of PostgreSQL, of `pg` or of the network means to who sent the statement. Pure: decides by the error alone.
 * SQLSTATEs are those of PostgreSQL's appendix A; the messages without one are `pg`'s own.
 */

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Network errors of Node after which nothing can be said over that connection, or none was made. */
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** What `pg` says, without any code, of a connection that ended, is ending or was not made in time. */
const LOST_MESSAGES = [
  'Connection terminated',
  'Client has encountered a connection error',
  'Client was closed and is not queryable',
  'timeout expired',
  'Client has already been connected',
];

/**
 * What TypeORM throws when a session broke between two statements of a transaction: it has taken the runner away from under it. The same
 * comes of a runner used after its release, a mistake that shows with the first try.
 */
const RELEASED_RUNNER = ['QueryRunnerAlreadyReleasedError', 'QueryRunnerProviderAlreadyReleasedError'];

/**
 * SQLSTATEs with which the server ends a session or refuses to begin one for now: shut down by the administrator, crashed,
 * still starting, database gone, idle for too long, too many sessions; and 25006, a primary that has become a standby, where the
 * session lives and is of no more use.
 */
const LOST_STATES = new Set(['57P01', '57P02', '57P03', '57P04', '57P05', '25P03', '25006', '53300']);

/** The five characters PostgreSQL gave the error, also when TypeORM wrapped it; undefined when it is not PostgreSQL's. */
export function sqlState(error: unknown): string | undefined {
  if (!isRecord(error)) return undefined;
  // Node's EPIPE looks like a SQLSTATE: only an error that also has a severity came from the server.
  const { code, severity } = error;
  if (typeof code === 'string' && typeof severity === 'string' && SQLSTATE.test(code)) return code;
  return sqlState(error['driverError']);
}

/** True when the connection is gone or could not be made: the statement may or may not have taken effect; repeat it on a new one. */
export function isConnectionLost(error: unknown): boolean {
  if (!isRecord(error)) return false;
  const state = sqlState(error);
  if (state !== undefined) return state.startsWith('08') || LOST_STATES.has(state);
  const { code, message, name, driverError } = error;
  if (typeof name === 'string' && RELEASED_RUNNER.includes(name)) return true;
  if (typeof code === 'string' && NETWORK_CODES.has(code)) return true;
  if (typeof message === 'string' && LOST_MESSAGES.some((text) => message.startsWith(text))) return true;
  return driverError !== undefined && isConnectionLost(driverError);
}

/**
 * True when a value in the statement is at fault, whoever sends it and however often: bad data (class 22), a broken constraint (23),
 * a limit of PostgreSQL exceeded (54). Alone in its statement, such an item has failed for good.
 */
export function isBadValue(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && /^(22|23|54)/.test(state);
}

/**
 * True when one item of a batch may have caused the error, so that halving the batch lets the others through: a bad value, or a
 * row that a stranger has locked (55P03). A statement that ran into its timeout (57014) is not one: it tells of a slow server, on which
 * more and smaller statements are slower still.
 */
export function isItemFault(error: unknown): boolean {
  return isBadValue(error) || isLockTimeout(error);
}

/**
 * True when the same statement is worth repeating as it is: the connection was lost, a serialization failure or deadlock (40), the server out
 * of memory, disk or connections (53), canceled or timed out (57014), no free connection in time, or a stale prepared statement.
 */
export function isTransient(error: unknown): boolean {
  if (isConnectionLost(error) || isStaleStatement(error)) return true;
  const state = sqlState(error);
  if (state !== undefined) return /^(40|53)/.test(state) || state === '57014';
  return isRecord(error) && error['message'] === 'timeout exceeded when trying to connect';
}

/** True when a lock was not to be had within `lock_timeout` (55P03): somebody else holds it. */
export function isLockTimeout(error: unknown): boolean {
  return sqlState(error) === '55P03';
}

/** True when a named table, or a partition, does not exist (42P01). */
export function isUndefinedTable(error: unknown): boolean {
  return sqlState(error) === '42P01';
}

/**
 * True when a prepared statement no longer fits the server: its result type changed with the schema, or the server forgot it (26000) or
 * has another of its name (42P05). It had no effect; a new session heals it.
 */
export function isStaleStatement(error: unknown): boolean {
  const state = sqlState(error);
  if (state === '26000' || state === '42P05') return true;
  // 0A000 is any unsupported feature; the routine tells this one apart in every language of the server.
  return state === '0A000' && routineOf(error) === 'RevalidateCachedQuery';
}

/** What went wrong in one line that is never empty; an error of several addresses names each of them once. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join(', ');
  }
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { code?: unknown };
  return error.message.split('\n', 1)[0] || (typeof code === 'string' ? code : error.name);
}

function routineOf(error: unknown): unknown {
  if (!isRecord(error)) return undefined;
  return error['routine'] ?? routineOf(error['driverError']);
}
