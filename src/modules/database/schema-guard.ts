import { RookeryError } from '../../kernel/errors.js';

/** The table that lists the migrations a schema has seen. */
export const MIGRATION_TABLE = 'rookery_migration';

/**
 * Tells which of this code's migrations the schema still lacks.
 * @param applied names in the schema's migration table
 * @param known names of this code's migrations, oldest first
 * @param schema how the schema is called in the error
 * @throws RookeryError schema_newer when the schema has seen a migration that this code does not know
 */
export function pendingMigrations(
  applied: readonly string[],
  known: readonly string[],
  schema: string,
): string[] {
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new RookeryError(
      'schema_newer',
      `${schema} is newer than this Rookery: it has ${unknown.join(', ')}, and this version ends with ${known.at(-1) ?? 'none'}. ` +
        `Start a Rookery at least as new as the one that migrated it, or take the newer migrations back with that one's ` +
        `"npx typeorm migration:revert -d dist/modules/database/orm-data-source.js". Nothing was changed`,
      { unknown },
    );
  }
  return known.filter((name) => !applied.includes(name));
}
