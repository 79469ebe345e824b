import { RookeryError } from '../../../kernel/errors.js';

/** Why the embedded server is not to be had; told in the error's details, and stable. */
export type EmbeddedFailure =
  | 'package_missing'
  | 'binaries_unusable'
  | 'folder_unusable'
  | 'disk_full'
  | 'data_version'
  | 'locked'
  | 'start_failed';

/** Said wherever the way out is another server. */
export const useDatabaseUrl = 'or set DATABASE_URL to a PostgreSQL of your own';

/** The error every failure of the embedded server ends as: what was wrong with which value, and the fix. */
export function embeddedError(failure: EmbeddedFailure, message: string, cause?: unknown): RookeryError {
  return new RookeryError('database_unavailable', message, { failure }, cause === undefined ? {} : { cause });
}

/** What PostgreSQL's tools print, and what it means to the one who reads it. Their messages are English: they run under LC_ALL=C. */
const REMEDIES: readonly (readonly [RegExp, EmbeddedFailure, string])[] = [
  [/no space left on device|disk quota exceeded/i, 'disk_full', 'the disk is full: free some space'],
  [
    /could not look up effective user ID/,
    'start_failed',
    `PostgreSQL needs its user in /etc/passwd: add this user there, run as another, ${useDatabaseUrl}`,
  ],
  [
    /could not map anonymous shared memory|Cannot allocate memory/,
    'start_failed',
    'the machine has not that much memory to give: pass a smaller shared_buffers in the settings',
  ],
  [
    /database files are incompatible with server|initialized by PostgreSQL version/,
    'data_version',
    'the data was made by another PostgreSQL: use the version that made it, or move the folder away to begin anew',
  ],
  [
    /permission denied|operation not permitted|read-only file system/i,
    'folder_unusable',
    'the folder must be writable for the user that runs the server',
  ],
  [
    /could not locate a valid checkpoint record|invalid checkpoint record|PANIC:/,
    'start_failed',
    'the data is damaged: restore a backup, or move the folder away to begin anew',
  ],
];

/** What matters is said last; initdb first tells at length what it is about to do. */
const LINES_SHOWN = 12;

/** An error made of a tool's own words: `what` failed, the remedy where the words are known, then the words. */
export function toolError(what: string, output: string): RookeryError {
  const known = REMEDIES.find(([pattern]) => pattern.test(output));
  const words = output.trim().split('\n').slice(-LINES_SHOWN).join('\n') || '(nothing)';
  return embeddedError(
    known?.[1] ?? 'start_failed',
    `${what}${known ? `; ${known[2]}` : ''}. It said:\n${words}`,
  );
}
