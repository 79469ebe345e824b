import { DataSource } from 'typeorm';
import { loadConfig } from '../../config/index.js';
import { RookeryError } from '../../kernel/errors.js';
import { migrations } from '../../migrations/index.js';
import { connectionOptionsOfUrl } from './connection-options.js';
import { migrationOptions } from './data-source-options.js';

/**
 * The DataSource of TypeORM's own command line, for the database that rookery.yaml and DATABASE_URL name. After `npm run build`:
 *
 *     DATABASE_URL=postgres://… npx typeorm migration:show -d dist/modules/database/orm-data-source.js
 *
 * (also `migration:run` and `migration:revert`). Rookery migrates by itself when it starts; this is for looking and for going back.
 */
export const ormDataSource = new DataSource(options());

function options(): ReturnType<typeof migrationOptions> {
  const { database } = loadConfig({ argv: [], env: process.env, cwd: process.cwd() });
  if (database.url === undefined) {
    throw new RookeryError('invalid_config', 'set DATABASE_URL to the database whose migrations are meant');
  }
  const settings = { schema: database.schema, migrations, onIdleError: () => undefined };
  // The command line prints through TypeORM's logger.
  return {
    ...migrationOptions({ ...settings, connection: connectionOptionsOfUrl(database.url) }),
    logger: 'advanced-console',
  };
}
