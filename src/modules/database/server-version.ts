import { RookeryError } from '../../kernel/errors.js';

/** The oldest PostgreSQL with all that Rookery's statements use, as `server_version_num` counts. */
const OLDEST_VERSION = 150_000;

/**
 * Passes PostgreSQL 15 and newer.
 * @param version `server_version_num`, as 180004
 * @param text `server_version`, as people write it
 * @throws RookeryError database_unavailable that names the remedy
 */
export function assertSupportedVersion(version: number, text: string, server: string): void {
  if (version >= OLDEST_VERSION) return;
  throw new RookeryError(
    'database_unavailable',
    `PostgreSQL at ${server} is version ${text}, and Rookery needs 15 or newer; upgrade that server, point DATABASE_URL at ` +
      `a newer one, or unset DATABASE_URL to use the embedded server`,
    { server, version: text },
  );
}
